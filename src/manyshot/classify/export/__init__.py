"""A fitted classifier as one file that runs without Manyshot."""
