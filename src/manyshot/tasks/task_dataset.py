"""Numbered tasks, as a PyTorch data set."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol, SupportsIndex, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from manyshot.base import InputError, is_whole
from manyshot.tasks.episode import Episode


@runtime_checkable
class TaskStream(Protocol):
    """Numbered tasks: task i is the same whenever it is asked for."""

    def batch(self, first: int, count: int) -> Episode:
        """Draw tasks `first` to `first + count - 1`."""
        ...


class TaskDataset(Dataset[Episode]):
    """A map-style data set whose element i is task i, an `Episode` with T = 1.

    `DataLoader(tasks, batch_size=4, shuffle=True, num_workers=2)` yields episodes of four tasks. Task i depends on the
    seed and i alone, so neither the batch size nor the number of workers changes it. An epoch has `length` tasks, the
    same ones in every epoch; `batch` draws tasks beyond them as well.
    """

    length: int

    @abstractmethod
    def draw(self, tasks: NDArray[np.int64]) -> Episode:
        """Draw the tasks with these numbers, in their order."""

    def batch(self, first: int, count: int) -> Episode:
        """Draw tasks `first` to `first + count - 1`.

        Raises:
            InputError: If `first` is negative or `count` is below 1.
        """
        return self.draw(task_numbers(first, count))

    def batches(self, tasks: int, size: int = 10, first: int = 0) -> Iterator[Episode]:
        """Draw tasks `first` to `first + tasks - 1` in batches of at most `size`, so that memory is bounded."""
        for start in range(first, first + tasks, size):
            yield self.batch(start, min(size, first + tasks - start))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: SupportsIndex | slice) -> Episode:
        if isinstance(index, slice):
            return self.draw(np.arange(self.length)[index])
        return self.batch(range(self.length)[index], 1)

    def __getitems__(self, indices: Sequence[int]) -> list[Episode]:
        """The tasks of one batch of a `DataLoader`, drawn together."""
        return list(self.draw(np.asarray(indices, dtype=np.int64)))

    def __iter__(self) -> Iterator[Episode]:
        return (self.batch(index, 1) for index in range(self.length))


def task_numbers(first: int, count: int) -> NDArray[np.int64]:
    """The numbers of the tasks of a batch.

    Raises:
        InputError: If `first` is negative or `count` is below 1.

    Example:
        >>> task_numbers(3, 2)
        array([3, 4])
    """
    if first < 0 or count < 1:
        raise InputError(f"tasks {first} to {first + count - 1}: give a first of at least 0 and a count of at least 1")
    return np.arange(first, first + count)


def check_length(length: int) -> None:
    """Check the number of tasks of an epoch.

    Raises:
        InputError: If it is not a whole number of at least 1.
    """
    if not (is_whole(length) and length >= 1):
        raise InputError(f"length={length}: give a whole number of tasks, at least 1")
