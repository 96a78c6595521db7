"""Reinforcement learning: worlds, and augmentation that lets an agent adapt to worlds that it never saw."""
