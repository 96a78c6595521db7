"""Ctrl-C that says how to go on."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resumable(how: str) -> Iterator[None]:
    """Add to Ctrl-C how to go on, for the line that the command line ends with.

    Args:
        how: What to do, and what of the work is kept.

    Example:
        >>> try:
        ...     with resumable("run the same command again"):
        ...         raise KeyboardInterrupt
        ... except KeyboardInterrupt as stopped:
        ...     print(stopped)
        run the same command again
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how) from None
