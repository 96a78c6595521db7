"""Learners that train agents, and how these adapt to a world."""
