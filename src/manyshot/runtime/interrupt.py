"""Ctrl-C that takes effect at the end of a step instead of within it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def postponed_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event that a loop can check; the second one interrupts at once.

    An interrupt within a step could leave half of the weights updated. Nothing changes outside the main thread, where
    signals cannot be caught, and where interrupts are ignored, as in a background job of a shell.

    Example:
        >>> with postponed_interrupt() as interrupted:
        ...     interrupted.is_set()
        False
    """
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield interrupted
        return

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
