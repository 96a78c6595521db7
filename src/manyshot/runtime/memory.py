"""Keeping memory that was freed, for processes that take and free the same amounts at every step."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Ask the C library not to hand freed memory back to the system, where the C library is glibc.

    A training step frees its activations and takes them again at the next; fetching the pages anew each time cost an
    eighth of a step of a small network.

    Example:
        >>> keep_freed_memory()
    """
    try:
        adjust = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    adjust(TRIM_THRESHOLD, 2**31 - 1)
    adjust(MMAP_THRESHOLD, 2**30)
