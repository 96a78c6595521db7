"""Few-shot regression from a table, where each task is about one group of rows."""

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
from manyshot.tasks.task_dataset import TaskDataset, check_length
from manyshot.tasks.task_indices import TaskIndices

_GROUP, _ITEMS = range(2)


@dataclass(frozen=True, eq=False)
class RegressionTasks(TaskDataset):
    """Samples regression tasks: predict the targets of some examples of a group from the known ones of others.

    A group is what one curve belongs to: a patient, a machine, a molecule. Groups are the classes of the source, so
    that `source.split` holds out whole groups. Each task draws a group, then disjoint support and query sets. The
    labels are the targets, so an episode has one "way" per target. Task i depends on (seed, i) alone.

    Args:
        source: Examples, whose classes are the groups.
        targets: Numbers `[n, k]` or `[n]` to predict, one row per item of the source's store.
        shots: Number of support examples per task.
        queries: Number of query examples per task.
        seed: Seed of the tasks.
        length: Number of tasks in one epoch, for `len`, indexing, iteration and a `DataLoader`.

    Raises:
        InputError: If an item of the store has no finite target, a group has too few examples, or a number is out of
            range.

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
    length: int = 1000

    def __post_init__(self) -> None:
        plain_numbers(self)
        source, need = self.source, self.shots + self.queries
        for name in ("shots", "queries"):
            value = getattr(self, name)
            if not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1")
        check_length(self.length)
        if not (is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(f"seed={self.seed}: give a whole number from 0 to below 2^63")
        if self.targets.ndim not in (1, 2) or len(self.targets) != len(source.store):
            raise InputError(
                f"{source.name}: targets of shape {tuple(self.targets.shape)} for {len(source.store)} items; give one "
                "number, or one row of numbers, per item"
            )
        missing = np.flatnonzero(~np.isfinite(self._targets.numpy()).all(1))
        if len(missing):
            raise InputError(f"{source.name}: target {missing[0]} is not a finite number; leave out the item")
        smallest = int(np.argmin(source.counts))
        if source.counts[smallest] < need:
            raise InputError(
                f"{source.name}: group '{source.class_names[smallest]}' has {source.counts[smallest]} examples, but "
                f"shots + queries = {self.shots} + {self.queries} = {need} are needed; lower them or drop the group"
            )

    @cached_property
    def _targets(self) -> Float[Tensor, "n k"]:
        return self.targets.detach().cpu().float().reshape(len(self.targets), -1)

    @property
    def examples_per_task(self) -> int:
        """Number of examples of a task, support and query together."""
        return self.shots + self.queries

    def draw(self, tasks: NDArray[np.int64]) -> Episode:
        """Draw the tasks with these numbers; `Episode.classes` holds their groups."""
        group = integers(len(self.source.class_names), self.seed, _GROUP, tasks)
        chosen = choose(self.source.counts[group], self.examples_per_task, self.seed, _ITEMS, tasks)
        items = self.source.starts[group][:, None] + chosen
        support, query = items[:, : self.shots], items[:, self.shots :]
        episode = TaskIndices(group[:, None], support[:, None], query[:, None]).episode(self.source)
        ways = self._targets.shape[1]
        return Episode(
            self._labeled(episode.support, support),
            self._labeled(episode.query, query),
            episode.classes.expand(-1, ways),
        )

    def _labeled(self, examples: Examples, positions: NDArray[np.int64]) -> Examples:
        """Replace the labels by the targets."""
        labels = self._targets[torch.from_numpy(self.source.rows[positions])]
        return replace(examples, labels=labels, class_mask=examples.class_mask.expand(-1, labels.shape[2]))
