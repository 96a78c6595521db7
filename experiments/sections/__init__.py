"""The sections of docs/results.md: a function each, which turns what an experiment found into text."""
