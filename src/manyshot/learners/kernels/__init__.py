"""Kernels of the learners, for processors."""
