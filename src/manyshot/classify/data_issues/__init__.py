"""Faults of a user's examples: labels that are probably wrong, and duplicates."""
