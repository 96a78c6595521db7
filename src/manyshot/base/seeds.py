"""Randomness as a function: a seed and a few counters in, the same numbers out, on any machine, in any order.

A stateful generator makes task 7 depend on how many tasks were drawn before it. Here every number is a hash of its
address, such as (seed, task, class, draw), so batches, workers and resumed runs agree without anything to store.
"""

import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.base.check_numbers import is_whole
from manyshot.base.errors import InputError

_MASK = 2**64 - 1
Word = int | NDArray[np.int64] | NDArray[np.uint64]


def check_seed(seed: int) -> None:
    """Raise an error unless a seed is a whole number from 0 to 2^63 - 1.

    Example:
        >>> check_seed(0)
        >>> check_seed(-1)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: seed=-1: give a whole number from 0 to 2^63 - 1
    """
    if not (is_whole(seed) and 0 <= seed < 2**63):
        raise InputError(f"seed={str(seed)[:40]}: give a whole number from 0 to 2^63 - 1")


def bits(*words: Word) -> NDArray[np.uint64]:
    """64 random bits for each address: the words broadcast against each other.

    Each word is folded in with the finalizer of SplitMix64 (Steele, Lea and Flood 2014), whose every output bit
    depends on every input bit.

    Args:
        *words: Integers or integer arrays that broadcast.

    Returns:
        uint64 array of the broadcast shape.

    Example:
        >>> import numpy as np
        >>> bool((bits(0, np.arange(4)) == bits(0, np.arange(4))).all())
        True
    """
    # The plain numbers that begin an address (a seed, a stream) are folded once, as Python integers.
    start, index = 0x243F6A8885A308D3, 0
    while index < len(words) and isinstance(words[index], int):
        start = _finalize(((start ^ (int(words[index]) & _MASK)) + 0x9E3779B97F4A7C15) & _MASK)
        index += 1
    state: Any = np.uint64(start)
    with np.errstate(over="ignore"):
        for word in words[index:]:
            state = _finalize_array((state ^ np.asarray(word).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15))
    return np.asarray(state)


def _finalize(state: int) -> int:
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _MASK
    return state ^ (state >> 31)


def _finalize_array(state: Any) -> Any:  # noqa: ANN401 - a number or an array of uint64
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def uniform(*words: Word) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), one an address; the words as in `bits`."""
    return np.asarray((bits(*words) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def integers(below: int | NDArray[np.int64], *words: Word) -> NDArray[np.int64]:
    """Integers from 0 up to, not including, `below`; one an address. `below` broadcasts with the words of `bits`."""
    return np.asarray(uniform(*words) * below).astype(np.int64)


def generator(*words: int | str) -> torch.Generator:
    """A torch generator whose stream belongs to this address.

    Example:
        >>> first, again = (torch.rand(2, generator=generator(0, "train", 3)) for _ in range(2))
        >>> first.equal(again)
        True
    """
    # Names of files that are no text hold half letters, which plain UTF-8 refuses.
    numbers = [zlib.crc32(word.encode("utf-8", "surrogatepass")) if isinstance(word, str) else word for word in words]
    return torch.Generator().manual_seed(int(bits(*numbers)) >> 1)
