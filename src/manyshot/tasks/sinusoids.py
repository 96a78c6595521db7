"""Few-shot regression of sine waves (Finn, Abbeel and Levine 2017)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.seeds import uniform
from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.task_dataset import TaskDataset, check_length

_AMPLITUDE, _PHASE, _SUPPORT, _QUERY = range(4)


@dataclass(frozen=True)
class Sinusoids(TaskDataset):
    """Regression tasks: y = amplitude sin(x - phase), with amplitude in [0.1, 5], phase in [0, pi], x in [-5, 5].

    Labels are targets instead of class probabilities, so an episode has a single "way". Task i depends on (seed, i)
    alone.

    Args:
        shots: Number of support points per task.
        queries: Number of query points per task.
        seed: Seed of the tasks.
        tasks: Number of different waves: task i has wave i modulo this number, at points of its own. None for no limit.
            A learner can memorize a few waves (Yin et al. 2020).
        disjoint: Whether each of the N waves has its own interval of x: wave i has the first half of the i-th of N
            equal parts. Then x alone identifies the wave, and nothing forces a learner to use its support (Rajendran et
            al. 2020).
        length: Number of tasks in one epoch, for `len`, indexing, iteration and a `DataLoader`.

    Raises:
        InputError: If a number is out of range, or `disjoint` is set without `tasks`.

    Example:
        >>> episode = Sinusoids(shots=10, queries=5).batch(0, 4)
        >>> episode.support.items.shape, episode.query.labels.shape
        (torch.Size([4, 10, 1]), torch.Size([4, 5, 1]))
    """

    shots: int = 10
    queries: int = 10
    seed: int = 0
    tasks: int | None = None
    disjoint: bool = False
    length: int = 1000

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("shots", "queries", "tasks"):
            value = getattr(self, name)
            if not (value is None and name == "tasks") and not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1")
        check_length(self.length)
        if not (is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(f"seed={self.seed}: give a whole number from 0 to below 2^63")
        if self.disjoint and self.tasks is None:
            raise InputError("disjoint=True needs a limited number of waves; give tasks")

    @property
    def examples_per_task(self) -> int:
        """Number of points of a task, support and query together."""
        return self.shots + self.queries

    def draw(self, tasks: NDArray[np.int64]) -> Episode:
        """Draw the tasks with these numbers, in their order."""
        wave = tasks if self.tasks is None else tasks % self.tasks
        return Episode(
            self._points(tasks, wave, self.shots, _SUPPORT),
            self._points(tasks, wave, self.queries, _QUERY),
            torch.from_numpy(wave[:, None]),
        )

    def waves(self, wave: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Amplitude and phase of the waves with these numbers.

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
        if self.disjoint and self.tasks is not None:
            drawn = (wave[:, None] + drawn / 2) / self.tasks
        x = 10 * drawn - 5
        y = amplitude * np.sin(x - phase)
        count = len(task)
        return Examples(_column(x), _column(y), torch.ones(count, n), torch.ones(count, 1, dtype=torch.bool))


def _column(numbers: NDArray[np.float64]) -> Float[Tensor, "t n 1"]:
    return torch.from_numpy(numbers[..., None]).float()
