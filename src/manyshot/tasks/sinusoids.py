"""Few-shot regression of sine waves (Finn, Abbeel and Levine 2017)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.seeds import uniform
from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.stream import numbers_of

_AMPLITUDE, _PHASE, _SUPPORT, _QUERY = range(4)


@dataclass(frozen=True)
class Sinusoids:
    """Regression tasks: y = amplitude sin(x - phase), with amplitude in [0.1, 5], phase in [0, pi], x in [-5, 5].

    Labels are targets instead of shares in classes, so an episode has one "way", which is always present. Task i is a
    function of (seed, i) alone.

    Args:
        shots: support points a task.
        queries: query points a task.
        seed: names the stream of tasks.
        tasks: how many different waves there are: task i is wave i modulo this, at points of its own. None for no
            limit. A learner can know few waves by heart (Yin et al. 2020).
        apart: wave i of N has an interval of x to itself, the first half of the i-th of N equal parts, so that x alone
            tells which wave it is, and nothing forces a learner to look at its support (Rajendran et al. 2020).

    Raises:
        InputError: if a number is out of range, or waves stand apart without a limit to their number.

    Example:
        >>> episode = Sinusoids(shots=10, queries=5).batch(0, 4)
        >>> episode.support.items.shape, episode.query.labels.shape
        (torch.Size([4, 10, 1]), torch.Size([4, 5, 1]))
    """

    shots: int = 10
    queries: int = 10
    seed: int = 0
    tasks: int | None = None
    apart: bool = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("shots", "queries", "tasks"):
            value = getattr(self, name)
            if not (value is None and name == "tasks") and not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1")
        if not (is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(f"seed={self.seed}: give a whole number from 0 to below 2^63")
        if self.apart and self.tasks is None:
            raise InputError("apart: waves have intervals of their own only if there are so many; give tasks")

    @property
    def items_a_task(self) -> int:
        """How many points a task has, support and query together."""
        return self.shots + self.queries

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`.

        Raises:
            InputError: for a negative first task, or none at all.
        """
        task = numbers_of(first, count)
        wave = task if self.tasks is None else task % self.tasks
        return Episode(
            self._points(task, wave, self.shots, _SUPPORT),
            self._points(task, wave, self.queries, _QUERY),
            torch.from_numpy(wave[:, None]),
        )

    def batches(self, tasks: int, size: int = 10) -> Iterator[Episode]:
        """Tasks number 0 to `tasks - 1`, `size` at a time."""
        for first in range(0, tasks, size):
            yield self.batch(first, min(size, tasks - first))

    def waves(self, wave: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Amplitude and phase of waves by their numbers.

        Example:
            >>> import numpy as np
            >>> amplitude, phase = Sinusoids().waves(np.arange(1000))
            >>> bool(amplitude.min() >= 0.1 and amplitude.max() <= 5 and phase.min() >= 0 and phase.max() <= math.pi)
            True
        """
        return 0.1 + 4.9 * uniform(self.seed, _AMPLITUDE, wave), math.pi * uniform(self.seed, _PHASE, wave)

    def _points(self, task: NDArray[np.int64], wave: NDArray[np.int64], n: int, stream: int) -> Examples:
        amplitude, phase = (numbers[:, None] for numbers in self.waves(wave))
        drawn = uniform(self.seed, stream, task[:, None], np.arange(n))
        if self.apart and self.tasks is not None:
            drawn = (wave[:, None] + drawn / 2) / self.tasks
        x = 10 * drawn - 5
        y = amplitude * np.sin(x - phase)
        count = len(task)
        return Examples(_column(x), _column(y), torch.ones(count, n), torch.ones(count, 1, dtype=torch.bool))


def _column(numbers: NDArray[np.float64]) -> Float[Tensor, "t n 1"]:
    return torch.from_numpy(numbers[..., None]).float()
