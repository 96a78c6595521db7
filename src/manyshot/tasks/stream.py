"""Where tasks come from, whatever they are."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError
from manyshot.tasks.episode import Episode


@runtime_checkable
class TaskStream(Protocol):
    """Numbered tasks: number i is the same whenever it is asked for."""

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`."""
        ...


def numbers_of(first: int, count: int) -> NDArray[np.int64]:
    """The numbers of a batch of tasks.

    Raises:
        InputError: for a negative first task, or none at all.

    Example:
        >>> numbers_of(3, 2)
        array([3, 4])
    """
    if first < 0 or count < 1:
        raise InputError(f"tasks {first} to {first + count - 1}: give a first of at least 0 and a count of at least 1")
    return np.arange(first, first + count)
