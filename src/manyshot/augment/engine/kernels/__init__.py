"""The loops over pixels, compiled by numba."""
