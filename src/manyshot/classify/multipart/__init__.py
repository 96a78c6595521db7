"""Examples of several parts: read, encoded, classified, and stored as a model."""
