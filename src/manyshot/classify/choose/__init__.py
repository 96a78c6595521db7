"""The choice of a fit: candidates and what is known of them, cross-validation, and the use of names of classes."""
