"""A memory of what was worked out before."""

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class Remembered(dict[str, Value]):
    """What was worked out of texts; it is emptied when it holds too much.

    Asking for a known text takes as long as in any dictionary, which is less than a call of a cached function.

    Args:
        work_out: The value of a text, which is the same at every call.
        most: Largest number of characters of all texts.

    Example:
        >>> lengths = Remembered(len, most=4)
        >>> [lengths[text] for text in ("ab", "c", "ab", "de")], dict(lengths)
        ([2, 1, 2, 2], {'de': 2})
    """

    def __init__(self, work_out: Callable[[str], Value], most: int) -> None:
        super().__init__()
        self._work_out = work_out
        self._most = most
        self._held = 0

    def __missing__(self, text: str) -> Value:
        value = self._work_out(text)
        self._held += len(text)
        if self._held > self._most:
            self.clear()
            self._held = len(text)
        self[text] = value
        return value
