"""Few-shot regression from a table: the items of one group are one task."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.sampling import choose
from manyshot.base.seeds import integers
from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.source import Source
from manyshot.tasks.stream import numbers_of
from manyshot.tasks.task_index import TaskTable

_GROUP, _ITEMS = range(2)


@dataclass(frozen=True, eq=False)
class RegressionTasks:
    """Draws regression tasks: a few items of one group, whose numbers are known, tell those of others of the group.

    A group is what one curve belongs to: a patient, a machine, a molecule. It stands in the place of a class of the
    source, so that `source.split` sets whole groups aside to judge by. Each task draws its group, then its support and
    its query, without an item in both. Labels are the targets, so an episode has one "way" for each number that is to
    be predicted. Task i is a function of (seed, i) alone.

    Args:
        source: its classes are the groups.
        targets: `[n, k]` or `[n]` numbers to predict, one row an item of the source's store.
        shots: support items a task.
        queries: query items a task.
        seed: names the stream of tasks.

    Raises:
        InputError: if there is not a finite target for each item of the store, a group has too few items, or a number
            is out of range.

    Example:
        >>> x = torch.rand(40, 3)
        >>> source = Source.of(x, labels=[f"machine {i % 4}" for i in range(40)])
        >>> known, new = source.split((0.75, 0.25), seed=0)
        >>> episode = RegressionTasks(known, targets=x.sum(1), shots=5, queries=2).batch(0, 16)
        >>> episode.support.items.shape, episode.query.labels.shape
        (torch.Size([16, 5, 3]), torch.Size([16, 2, 1]))
    """

    source: Source
    targets: Float[Tensor, "n *k"]
    shots: int = 10
    queries: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        plain_numbers(self)
        source, need = self.source, self.shots + self.queries
        for name in ("shots", "queries"):
            value = getattr(self, name)
            if not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1")
        if not (is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(f"seed={self.seed}: give a whole number from 0 to below 2^63")
        if self.targets.ndim not in (1, 2) or len(self.targets) != len(source.store):
            raise InputError(
                f"{source.name}: targets of shape {tuple(self.targets.shape)} for {len(source.store)} items; give one "
                "number, or one row of numbers, an item"
            )
        lost = np.flatnonzero(~np.isfinite(self._targets.numpy()).all(1))
        if len(lost):
            raise InputError(f"{source.name}: the target of item {lost[0]} is no finite number; leave the item out")
        small = int(np.argmin(source.counts))
        if source.counts[small] < need:
            raise InputError(
                f"{source.name}: group '{source.class_names[small]}' has {source.counts[small]} items, but shots + "
                f"queries = {self.shots} + {self.queries} = {need} are needed; lower them or leave the group out"
            )

    @cached_property
    def _targets(self) -> Float[Tensor, "n k"]:
        return self.targets.detach().cpu().float().reshape(len(self.targets), -1)

    @property
    def items_a_task(self) -> int:
        """How many items a task has, support and query together."""
        return self.shots + self.queries

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`; `Episode.classes` holds their groups.

        Raises:
            InputError: for a negative first task, or none at all.
        """
        task = numbers_of(first, count)
        group = integers(len(self.source.class_names), self.seed, _GROUP, task)
        place = choose(self.source.counts[group], self.items_a_task, self.seed, _ITEMS, task)
        items = self.source.starts[group][:, None] + place
        support, query = items[:, : self.shots], items[:, self.shots :]
        found = TaskTable(group[:, None], support[:, None], query[:, None]).episode(self.source)
        ways = self._targets.shape[1]
        return Episode(
            self._labelled(found.support, support), self._labelled(found.query, query), found.classes.expand(-1, ways)
        )

    def batches(self, tasks: int, size: int = 10, first: int = 0) -> Iterator[Episode]:
        """Tasks number `first` to `first + tasks - 1`, `size` at a time, so that memory is bounded."""
        for place in range(first, first + tasks, size):
            yield self.batch(place, min(size, first + tasks - place))

    def _labelled(self, examples: Examples, positions: NDArray[np.int64]) -> Examples:
        """The same with targets for labels."""
        labels = self._targets[torch.from_numpy(self.source.rows[positions])]
        return replace(examples, labels=labels, class_mask=examples.class_mask.expand(-1, labels.shape[2]))
