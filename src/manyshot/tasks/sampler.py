"""Drawing tasks: task number i of a seed is always the same task."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.sampling import choose
from manyshot.base.seeds import Word, integers, uniform
from manyshot.tasks.episode import Episode
from manyshot.tasks.source import Source
from manyshot.tasks.stream import numbers_of
from manyshot.tasks.task_index import TaskTable

Range = int | tuple[int, int]

# Each decision of a task draws from a stream of its own.
_WAYS, _SHOTS, _POOL, _CLASSES, _ITEMS, _AUTHORS, _AMONG, _GROUPED = range(8)


@dataclass(frozen=True, eq=False)
class EpisodeSampler:
    """Draws N-way K-shot tasks from a source, many at once.

    Task i is a function of (seed, i) alone: batches of any size, any number of workers, and a resumed run see the same
    tasks.

    Args:
        source: where the classes come from.
        ways: classes a task, or a range (least, most) from which each task draws its own number.
        shots: support items a class, or a range.
        queries: query items a class.
        seed: names the stream of tasks.
        within_group: the share of tasks whose classes all come from one group, such as an alphabet (0 to 1). Groups
            with fewer than the most ways are passed over.
        by_author: each shot is drawn by one author for all classes of the task, and each query by another, as in
            Omniglot's one-shot runs, where one person's characters are matched with another's.
        tasks: how many different tasks there are; task i is task i modulo this. None for no limit.

    Raises:
        InputError: if a class has too few items, there are too few classes or groups, or an option is out of range.

    Example:
        >>> import torch
        >>> images = torch.zeros(40, 1, 8, 8, dtype=torch.uint8)
        >>> source = Source.of(images, labels=[f"class {i % 4}" for i in range(40)])
        >>> sampler = EpisodeSampler(source, ways=3, shots=1, queries=2, seed=1)
        >>> bool((sampler.table(0, 8).query[5] == sampler.table(5, 1).query[0]).all())
        True
    """

    source: Source
    ways: Range = 5
    shots: Range = 1
    queries: int = 15
    seed: int = 0
    within_group: float = 0.0
    by_author: bool = False
    tasks: int | None = None

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name, floor in (("ways", 2), ("shots", 1)):
            value = getattr(self, name)
            ends = tuple(value) if isinstance(value, tuple | list) else (value, value)
            if not (len(ends) == 2 and all(map(is_whole, ends)) and floor <= ends[0] <= ends[1]):
                raise InputError(f"{name}={value}: give a whole number, at least {floor}, or a range (least, most)")
        if not (is_whole(self.queries) and self.queries >= 1):
            raise InputError(f"queries={self.queries}: give a whole number, at least 1")
        if self.tasks is not None and not (is_whole(self.tasks) and self.tasks >= 1):
            raise InputError(f"tasks={self.tasks}: give at least 1, or None for no limit")
        if not (is_whole(self.seed) and 0 <= self.seed < 2**63):
            raise InputError(f"seed={self.seed}: give a whole number from 0 to below 2^63")
        if not 0 <= self.within_group <= 1:
            raise InputError(f"within_group={self.within_group}: give a share from 0 to 1")
        self._check_source()

    def _check_source(self) -> None:
        source, need = self.source, self._shots[1] + self.queries
        if len(source.class_names) < self._ways[1]:
            raise InputError(
                f"{source.name}: {len(source.class_names)} classes, but ways={self._ways[1]}; lower the "
                "ways or add classes"
            )
        if self.by_author:
            for pool, common in enumerate(self._common_authors.sum(1)):
                if common < need and pool in self._pools_in_use:
                    where = "all classes" if pool == 0 else f"the classes of group '{self._group_names[pool - 1]}'"
                    raise InputError(
                        f"{source.name}: {where} have {common} authors in common, but shots + queries = "
                        f"{self._shots[1]} + {self.queries} are needed; lower them, draw within groups alone, or "
                        "draw without by_author"
                    )
            return
        in_use = np.unique(np.concatenate([self._pools[pool] for pool in self._pools_in_use]))
        small = int(in_use[np.argmin(source.counts[in_use])])
        if source.counts[small] < need:
            raise InputError(
                f"{source.name}: class '{source.class_names[small]}' has {source.counts[small]} items, but shots + "
                f"queries = {self._shots[1]} + {self.queries} = {need} are needed; lower them or leave the "
                "class out"
            )

    @property
    def items_a_task(self) -> int:
        """How many items a task has at most, support and query together."""
        return self._ways[1] * (self._shots[1] + self.queries)

    @property
    def _ways(self) -> tuple[int, int]:
        return (self.ways, self.ways) if isinstance(self.ways, int) else self.ways

    @property
    def _shots(self) -> tuple[int, int]:
        return (self.shots, self.shots) if isinstance(self.shots, int) else self.shots

    @cached_property
    def _group_names(self) -> tuple[str, ...]:
        """The groups that can fill a task; none where no task is drawn within a group."""
        if self.within_group == 0:
            return ()
        if self.source.groups is None:
            raise InputError(f"{self.source.name}: its classes have no groups; leave within_group at 0")
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
        """The classes that a task may draw from: all, then one pool a group."""
        everything = np.arange(len(self.source.class_names))
        groups = np.asarray(self.source.groups or (), dtype=object)
        return (everything, *(everything[groups == name] for name in self._group_names))

    @property
    def _pools_in_use(self) -> range:
        """The first pool, all classes, fills no task where every task keeps to a group."""
        return range(1 if self.within_group == 1 else 0, len(self._pools))

    @cached_property
    def _by_author_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Item positions by class and author; `[classes, authors]` where each cell begins, and how many it has."""
        source = self.source
        if source.authors is None:
            raise InputError(f"{source.name}: its items have no authors; leave by_author out")
        author = source.authors[source.rows]
        cell = source.labels * (source.authors.max() + 1) + author
        counts = np.bincount(cell, minlength=len(source.class_names) * int(source.authors.max() + 1))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        shape = (len(source.class_names), -1)
        return np.argsort(cell, kind="stable"), starts.reshape(shape), counts.reshape(shape)

    @cached_property
    def _common_authors(self) -> NDArray[np.bool_]:
        """`[pools, authors]` who made at least one item of every class of the pool."""
        counts = self._by_author_order[2]
        return np.stack([(counts[pool] > 0).all(0) for pool in self._pools])

    def table(self, first: int, count: int) -> TaskTable:
        """Tasks number `first` to `first + count - 1`, as positions: a fixed list to draw on again and again."""
        task = numbers_of(first, count)
        if self.tasks is not None:
            task %= self.tasks
        ways = self._draw_range(self._ways, _WAYS, task)
        shots = self._draw_range(self._shots, _SHOTS, task)

        grouped = uniform(self.seed, _GROUPED, task) < self.within_group
        pool = np.where(grouped, 1 + integers(max(len(self._group_names), 1), self.seed, _POOL, task), 0)
        sizes = np.array([len(p) for p in self._pools])
        starts = np.cumsum(sizes) - sizes
        place = choose(sizes[pool], self._ways[1], self.seed, _CLASSES, task)
        classes = np.concatenate(self._pools)[starts[pool][:, None] + place]

        items = self._items_by_author(task, pool, classes) if self.by_author else self._items(task, classes)
        support, query = items[..., : self._shots[1]], items[..., self._shots[1] :]

        absent = np.arange(self._ways[1]) >= ways[:, None]
        missing = np.arange(self._shots[1]) >= shots[:, None]
        return TaskTable(
            classes=np.where(absent, -1, classes),
            support=np.where(absent[..., None] | missing[:, None, :], -1, support),
            query=np.where(absent[..., None], -1, query),
        )

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`, with their items."""
        return self.table(first, count).episode(self.source)

    def batches(self, tasks: int, size: int = 10, first: int = 0) -> Iterator[Episode]:
        """Tasks number `first` to `first + tasks - 1`, `size` at a time, so that memory is bounded."""
        for place in range(first, first + tasks, size):
            yield self.batch(place, min(size, first + tasks - place))

    def _draw_range(self, bounds: tuple[int, int], stream: int, task: Word) -> NDArray[np.int64]:
        least, most = bounds
        return least + integers(most - least + 1, self.seed, stream, task)

    def _items(self, task: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """`[T, ways, shots + queries]` different items of each class."""
        way = np.broadcast_to(np.arange(classes.shape[1]), classes.shape).reshape(-1)
        row = np.repeat(task, classes.shape[1])
        each = self._shots[1] + self.queries
        place = choose(self.source.counts[classes.reshape(-1)], each, self.seed, _ITEMS, row, way)
        return self.source.starts[classes][..., None] + place.reshape(*classes.shape, each)

    def _items_by_author(
        self, task: NDArray[np.int64], pool: NDArray[np.int64], classes: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """`[T, ways, shots + queries]` items, the k-th of every class by the task's k-th author."""
        order, starts, counts = self._by_author_order
        each = self._shots[1] + self.queries
        common = self._common_authors[pool]
        keys = np.where(common, uniform(self.seed, _AUTHORS, task[:, None], np.arange(common.shape[1])), 2.0)
        author = np.argsort(keys, axis=1)[:, None, :each]
        cell = classes[..., None], np.broadcast_to(author, (*classes.shape, each))
        among = integers(
            counts[cell], self.seed, _AMONG, task[:, None, None], np.arange(classes.shape[1])[:, None], np.arange(each)
        )
        found: NDArray[np.int64] = order[starts[cell] + among]
        return found
