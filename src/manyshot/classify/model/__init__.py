"""A fitted model: what it predicts, and how it is saved and loaded."""
