"""Kernels of the encoders, for processors."""
