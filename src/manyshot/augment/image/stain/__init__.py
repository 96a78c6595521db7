"""Ops on pictures of stained tissue and cells."""
