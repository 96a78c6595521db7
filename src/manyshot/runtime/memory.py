"""Keeping freed memory, for processes that allocate and free the same amounts at every step."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Ask the C library not to return freed memory to the system, if it is glibc.

    A training step frees its activations and the next one allocates them again. Getting the pages from the system each
    time took an eighth of a step of a small network.

    Example:
        >>> keep_freed_memory()
    """
    try:
        adjust = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    adjust(TRIM_THRESHOLD, 2**31 - 1)
    adjust(MMAP_THRESHOLD, 2**30)
