"""Sentences that are new: no repeats, none that is there already, none of another class."""

from array import array
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np


class NewSentences:
    """Accept each sentence once, unless the source has it; a few bytes of each are kept in memory.

    Case and spaces at the ends make no difference.

    Args:
        source: Sentences of the source, of all classes.

    Example:
        >>> new = NewSentences(["hello there", "good bye"])
        >>> new.accept("Hello there"), new.accept("hi there"), new.accept("hi there ")
        (False, True, False)
    """

    def __init__(self, source: Iterable[str]) -> None:
        self._source = np.unique(np.frombuffer(array("Q", map(_digest, source)), dtype=np.uint64))
        self._accepted: set[int] = set()

    def accept(self, text: str) -> bool:
        """Whether a sentence is new; it is not the next time.

        Args:
            text: A sentence.
        """
        digest = _digest(text)
        index = int(np.searchsorted(self._source, np.uint64(digest)))
        known = index < len(self._source) and int(self._source[index]) == digest
        if known or digest in self._accepted:
            return False
        self._accepted.add(digest)
        return True


def _digest(text: str) -> int:
    content = text.strip().casefold().encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")
