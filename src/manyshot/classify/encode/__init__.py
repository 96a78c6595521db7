"""Features of examples from frozen encoders: which encoders there are, what is encoded, and each example once."""
