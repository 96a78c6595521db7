"""Ctrl-C that says how to go on."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resumable(how: str) -> Iterator[None]:
    """Add to Ctrl-C how to go on, for the line that the command line ends with.

    Args:
        how: What to do, and what of the work is kept.

    Example:
        >>> with resumable("run the same command again"):
        ...     raise KeyboardInterrupt
        Traceback (most recent call last):
        KeyboardInterrupt: run the same command again
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how) from None
