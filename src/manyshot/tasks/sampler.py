"""Sampling of N-way K-shot tasks: task i of a seed is always the same task."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.sampling import choose
from manyshot.base.seeds import Word, integers, uniform
from manyshot.tasks.disjoint_authors import draw_disjoint
from manyshot.tasks.episode import Episode
from manyshot.tasks.source import Source
from manyshot.tasks.task_dataset import TaskDataset, check_length, task_numbers
from manyshot.tasks.task_indices import TaskIndices

Range = int | tuple[int, int]

# Each decision of a task has its own random stream.
_WAYS, _SHOTS, _POOL, _CLASSES, _ITEMS, _AUTHORS, _AMONG, _GROUPED, _DISJOINT, _ = range(10)


@dataclass(frozen=True, eq=False)
class EpisodeSampler(TaskDataset):
    """Samples N-way K-shot tasks from a source, many at once; also a map-style data set of single tasks.

    Task i depends on (seed, i) alone: batches of any size, any number of workers and a resumed run see the same tasks.
    `sampler.batch(first, count)` is the fast way to draw a batch; `sampler[i]`, iteration and a `DataLoader` see the
    `length` tasks of one epoch, each as an `Episode` with T = 1.

    Args:
        source: Where the classes come from.
        ways: Number of classes per task, or a range (least, most) from which each task draws its own.
        shots: Number of support examples per class, or a range.
        queries: Number of query examples per class.
        seed: Seed of the tasks.
        within_group: Probability, 0 to 1, that all classes of a task come from one group, such as an alphabet. Groups
            with fewer classes than the largest number of ways are not used.
        by_author: Whether each shot is by one author for all classes of the task, and each query by another one, as in
            Omniglot's one-shot runs, where one person's characters are matched with another's.
        disjoint_authors: Whether support and query of a task share no author, such as a patient.
        natural: Whether the queries of a task are as many of each class as the source has, ways * queries in all, so
            that precision and the like are those of the data; the same number of each class otherwise.
        tasks: Number of different tasks, after which they repeat. None for no limit.
        length: Number of tasks in one epoch, for `len`, indexing, iteration and a `DataLoader`.

    Raises:
        InputError: If a class has too few examples, there are too few classes or groups, or an option is out of range.

    Example:
        >>> import torch
        >>> images = torch.zeros(40, 1, 8, 8, dtype=torch.uint8)
        >>> source = Source.of(images, labels=[f"class {i % 4}" for i in range(40)])
        >>> sampler = EpisodeSampler(source, ways=3, shots=1, queries=2, seed=1)
        >>> sampler.batch(0, 16)
        Episode(tasks=16, ways=3, support=[16, 3, 1, 8, 8] uint8, query=[16, 6, 1, 8, 8] uint8)
        >>> len(sampler), len(next(iter(torch.utils.data.DataLoader(sampler, batch_size=4))))
        (1000, 4)
    """

    source: Source
    ways: Range = 5
    shots: Range = 1
    queries: int = 15
    seed: int = 0
    within_group: float = 0.0
    by_author: bool = False
    disjoint_authors: bool = False
    natural: bool = False
    tasks: int | None = None
    length: int = 1000

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name, minimum in (("ways", 2), ("shots", 1)):
            value = getattr(self, name)
            ends = tuple(value) if isinstance(value, tuple | list) else (value, value)
            if not (len(ends) == 2 and all(map(is_whole, ends)) and minimum <= ends[0] <= ends[1]):
                raise InputError(f"{name}={value}: give a whole number, at least {minimum}, or a range (least, most)")
        if not (is_whole(self.queries) and self.queries >= 1):
            raise InputError(f"queries={self.queries}: give a whole number, at least 1")
        if self.tasks is not None and not (is_whole(self.tasks) and self.tasks >= 1):
            raise InputError(f"tasks={self.tasks}: give at least 1, or None for no limit")
        check_length(self.length)
        if not (is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(f"seed={self.seed}: give a whole number from 0 to below 2^63")
        if not 0 <= self.within_group <= 1:
            raise InputError(f"within_group={self.within_group}: give a probability from 0 to 1")
        self._check_source()

    def _check_source(self) -> None:
        source, need = self.source, self._shots[1] + self.queries
        if len(source.class_names) < self._ways[1]:
            raise InputError(
                f"{source.name}: {len(source.class_names)} classes, but ways={self._ways[1]}; lower the "
                "ways or add classes"
            )
        if self.natural and (self.by_author or self.disjoint_authors):
            raise InputError(
                f"{source.name}: by_author and disjoint_authors draw as many queries of each class; "
                "set natural to False"
            )
        if self.disjoint_authors and (self.by_author or source.authors is None):
            what = "by_author draws by authors in its own way" if self.by_author else "its examples have no authors"
            raise InputError(f"{source.name}: {what}; set disjoint_authors to False")
        if self.by_author:
            for pool, common in enumerate(self._common_authors.sum(1)):
                if common < need and pool in self._pools_in_use:
                    where = "all classes" if pool == 0 else f"the classes of group '{self._group_names[pool - 1]}'"
                    raise InputError(
                        f"{source.name}: {where} have {common} authors in common, but shots + queries = "
                        f"{self._shots[1]} + {self.queries} are needed; lower them, draw all tasks "
                        "within groups, or set by_author to False"
                    )
            return
        in_use = np.unique(np.concatenate([self._pools[pool] for pool in self._pools_in_use]))
        small = int(in_use[np.argmin(source.counts[in_use])])
        need = self._shots[1] + 1 if self.natural else need
        if source.counts[small] < need:
            raise InputError(
                f"{source.name}: class '{source.class_names[small]}' has {source.counts[small]} examples, but shots + "
                f"queries = {self._shots[1]} + {need - self._shots[1]} = {need} are needed; lower them or leave out "
                "the class"
            )

    @property
    def examples_per_task(self) -> int:
        """Largest number of examples of a task, support and query together."""
        return self._ways[1] * (self._shots[1] + self.queries)

    @property
    def _ways(self) -> tuple[int, int]:
        return (self.ways, self.ways) if isinstance(self.ways, int) else self.ways

    @property
    def _shots(self) -> tuple[int, int]:
        return (self.shots, self.shots) if isinstance(self.shots, int) else self.shots

    @cached_property
    def _group_names(self) -> tuple[str, ...]:
        """Groups with enough classes for a task; empty if no task is drawn within a group."""
        if self.within_group == 0:
            return ()
        if self.source.groups is None:
            raise InputError(f"{self.source.name}: its classes have no groups; set within_group to 0")
        names, counts = np.unique(np.asarray(self.source.groups, dtype=object), return_counts=True)
        large = tuple(n for n, c in zip(names, counts, strict=True) if c >= self._ways[1])
        if not large:
            raise InputError(
                f"{self.source.name}: no group has ways={self._ways[1]} classes (the largest has {counts.max()}); "
                "lower the ways or within_group"
            )
        return large

    @cached_property
    def _pools(self) -> tuple[NDArray[np.int64], ...]:
        """Pools of classes that a task may draw from: all classes, then one pool per group."""
        all_classes = np.arange(len(self.source.class_names))
        groups = np.asarray(self.source.groups or (), dtype=object)
        return (all_classes, *(all_classes[groups == name] for name in self._group_names))

    @property
    def _pools_in_use(self) -> range:
        """Indices of the pools in use; that of all classes is not if every task is drawn within a group."""
        return range(1 if self.within_group == 1 else 0, len(self._pools))

    @cached_property
    def _by_author_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the examples by class and author; first index and count `[classes, authors]` of each pair."""
        source = self.source
        if source.authors is None:
            raise InputError(f"{source.name}: its examples have no authors; set by_author to False")
        author = source.authors[source.rows]
        cell = source.labels * (source.authors.max() + 1) + author
        counts = np.bincount(cell, minlength=len(source.class_names) * int(source.authors.max() + 1))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        shape = (len(source.class_names), -1)
        return np.argsort(cell, kind="stable"), starts.reshape(shape), counts.reshape(shape)

    @cached_property
    def _common_authors(self) -> NDArray[np.bool_]:
        """Booleans `[pools, authors]`: whether the author made at least one example of every class of the pool."""
        counts = self._by_author_order[2]
        return np.stack([(counts[pool] > 0).all(0) for pool in self._pools])

    def indices(self, first: int, count: int) -> TaskIndices:
        """Draw tasks `first` to `first + count - 1` as indices into the source."""
        return self._indices(task_numbers(first, count))

    def draw(self, tasks: NDArray[np.int64]) -> Episode:
        """Draw the tasks with these numbers, in their order."""
        return self._indices(tasks).episode(self.source)

    def _indices(self, task: NDArray[np.int64]) -> TaskIndices:
        if self.tasks is not None:
            task = task % self.tasks
        ways = self._draw_range(self._ways, _WAYS, task)
        shots = self._draw_range(self._shots, _SHOTS, task)

        grouped = uniform(self.seed, _GROUPED, task) < self.within_group
        pool = np.where(grouped, 1 + integers(max(len(self._group_names), 1), self.seed, _POOL, task), 0)
        sizes = np.array([len(p) for p in self._pools])
        starts = np.cumsum(sizes) - sizes
        chosen = choose(sizes[pool], self._ways[1], self.seed, _CLASSES, task)
        classes = np.concatenate(self._pools)[starts[pool][:, None] + chosen]

        if self.disjoint_authors:
            items = self._items_disjoint(task, classes)
        else:
            items = self._items_by_author(task, pool, classes) if self.by_author else self._items(task, classes)
        support, query = items[..., : self._shots[1]], items[..., self._shots[1] :]
        if self.natural:
            spare = self._natural_queries(classes, ways)
            query = np.where(np.arange(query.shape[2]) >= spare[..., None], -1, query)

        padding = np.arange(self._ways[1]) >= ways[:, None]
        missing_shots = np.arange(self._shots[1]) >= shots[:, None]
        return TaskIndices(
            classes=np.where(padding, -1, classes),
            support=np.where(padding[..., None] | missing_shots[:, None, :], -1, support),
            query=np.where(padding[..., None], -1, query),
        )

    def _draw_range(self, bounds: tuple[int, int], stream: int, task: Word) -> NDArray[np.int64]:
        low, high = bounds
        return low + integers(high - low + 1, self.seed, stream, task)

    def _items(self, task: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices `[T, ways, shots + queries]` of different examples of each class."""
        way = np.broadcast_to(np.arange(classes.shape[1]), classes.shape).reshape(-1)
        row = np.repeat(task, classes.shape[1])
        if self.natural:
            return self._orders(task, classes)
        per_class = self._shots[1] + self.queries
        chosen = choose(self.source.counts[classes.reshape(-1)], per_class, self.seed, _ITEMS, row, way)
        return self.source.starts[classes][..., None] + chosen.reshape(*classes.shape, per_class)

    def _orders(self, task: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices `[T, ways, shots + most queries]` of the examples of each class in random order, -1 beyond them."""
        counts = self.source.counts
        most = min(self._ways[1] * self.queries, int(counts.max()) - self._shots[1])
        place = np.arange(int(counts.max()))
        keys = uniform(self.seed, _ITEMS, task[:, None, None], np.arange(classes.shape[1])[:, None], place)
        there = place < counts[classes][..., None]
        order = np.argsort(np.where(there, keys, 2.0), axis=2, kind="stable")[..., : self._shots[1] + most]
        real = np.take_along_axis(there, order, axis=2)
        return np.where(real, self.source.starts[classes][..., None] + order, -1)

    def _natural_queries(self, classes: NDArray[np.int64], ways: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number `[T, ways]` of queries of each class of a task: by its share of the source, at least one."""
        spare = self.source.counts[classes] - self._shots[1]
        spare = np.where(np.arange(self._ways[1]) >= ways[:, None], 0, spare)
        shares = spare / spare.sum(1, keepdims=True)
        wanted = np.rint(shares * ways[:, None] * self.queries).astype(np.int64)
        return np.asarray(np.minimum(np.maximum(wanted, 1), spare), np.int64)

    def _items_disjoint(self, task: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices `[T, ways, shots + queries]` of examples; support and query of a task share no author."""
        drawn = [
            draw_disjoint(self.source, chosen, self._shots[1], self.queries, self.seed, _DISJOINT, number)
            for number, chosen in zip(task.tolist(), classes, strict=True)
        ]
        return np.stack(drawn) if drawn else np.empty((*classes.shape, self._shots[1] + self.queries), np.int64)

    def _items_by_author(
        self, task: NDArray[np.int64], pool: NDArray[np.int64], classes: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Indices `[T, ways, shots + queries]` of examples, the k-th of every class by the task's k-th author."""
        order, starts, counts = self._by_author_order
        per_class = self._shots[1] + self.queries
        common = self._common_authors[pool]
        keys = np.where(common, uniform(self.seed, _AUTHORS, task[:, None], np.arange(common.shape[1])), 2.0)
        author = np.argsort(keys, axis=1)[:, None, :per_class]
        cell = classes[..., None], np.broadcast_to(author, (*classes.shape, per_class))
        among = integers(
            counts[cell],
            self.seed,
            _AMONG,
            task[:, None, None],
            np.arange(classes.shape[1])[:, None],
            np.arange(per_class),
        )
        indices: NDArray[np.int64] = order[starts[cell] + among]
        return indices
