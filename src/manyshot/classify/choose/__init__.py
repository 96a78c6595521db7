"""The choice of a fit: candidates, what is known of them beforehand, cross-validation, and the use of names of classes."""
