"""A source: labelled items grouped by class."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, did_you_mean
from manyshot.base.seeds import uniform
from manyshot.tasks.names import Names, asked, name_text, numbered, written

Store = Tensor | Sequence[Any]
Decode = Callable[[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Source:
    """Items of several classes, kept so that any of them is a few index operations away.

    The items lie in a `store` that subsets and splits share; `rows` lists a source's own items, class after class.

    Args:
        store: all items: a tensor `[n, ...]` (uint8 for images, in memory or memory-mapped) or a sequence of strings,
            paths or anything else that `decode` understands.
        rows: `[m]` positions in the store, those of class 0 first, then class 1, ...
        starts: `[classes + 1]` where each class begins in `rows`; the last entry is `m`.
        class_names: one name a class.
        groups: one group a class (an alphabet, a domain), or None.
        authors: `[n]` who made each item of the store (a drawer, a speaker, a microscope), or None.
        author_names: the names that `authors` counts, or None.
        decode: turns a list of stored items into a batch, or None where the items are used as they are.
        name: what reports call it.

    Example:
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels=["cat", "dog", "cat", "dog"])
        >>> source.class_names, source.counts.tolist(), source.gather([0, 3]).shape
        (('cat', 'dog'), [2, 2], torch.Size([2, 1, 8, 8]))
    """

    store: Store
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    class_names: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    authors: NDArray[np.int64] | None = None
    author_names: tuple[str, ...] | None = None
    decode: Decode | None = None
    name: str = "source"

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.class_names) + 1 or self.starts[-1] != len(self.rows):
            raise ValueError(f"starts={self.starts}: expected one start a class and the number of rows at the end")
        if self.groups is not None and len(self.groups) != len(self.class_names):
            raise ValueError(f"{len(self.groups)} groups for {len(self.class_names)} classes: give one a class")
        if self.authors is not None and len(self.authors) != len(self.store):
            raise ValueError(f"{len(self.authors)} authors for {len(self.store)} items: give one an item")

    @staticmethod
    def of(
        store: Store | NDArray[Any] | Mapping[Any, Any],
        labels: Names,
        groups: Mapping[Any, Any] | None = None,
        authors: Names | None = None,
        decode: Decode | None = None,
        name: str = "source",
    ) -> "Source":
        """Group items by label. Classes stand in the order of their names, the items of a class as they came.

        Args:
            store: `[n, ...]` tensor or NumPy array of numbers, or a sequence of n items.
            labels: n class names, or n whole numbers, which are ordered as such and then written out: class 9 is "9".
            groups: the group of each class name.
            authors: n names (or whole numbers) of who made the item.
            decode: see the class.
            name: see the class.

        Raises:
            InputError: if there are no items, the numbers of items, labels and authors differ, a label or author is
                neither a name nor a whole number, names and numbers are mixed, or a class has no group.

        Example:
            >>> source = Source.of(torch.zeros(3, 2), labels=torch.tensor([10, 9, 10]))
            >>> source.class_names, source.subset(classes=[9]).class_names
            (('9', '10'), ('9',))
        """
        if isinstance(store, Mapping):
            raise InputError(f"{name}: its items are a mapping; give a tensor or a list with one entry an item")
        if isinstance(store, np.ndarray):
            store = _as_store(store)
        label_names, author_names = written(labels, "label", name), None
        if not len(label_names) or len(store) != len(label_names):
            raise InputError(
                f"{name}: {len(store)} items and {len(label_names)} labels; give one label an item, and at least one "
                "item"
            )
        author = None
        if authors is not None:
            given = written(authors, "author", name)
            if len(given) != len(label_names):
                raise InputError(f"{name}: {len(label_names)} items and {len(given)} authors; give one author an item")
            author_names, author = numbered(given)
        class_names, label = numbered(label_names)
        of_class = None if groups is None else {name_text(c): name_text(group) for c, group in groups.items()}
        lost = [] if of_class is None else [c for c in class_names if c not in of_class]
        if lost:
            raise InputError(f"{name}: class '{lost[0]}' has no group; give one a class, or no groups at all")
        return Source(
            store=store,
            rows=np.argsort(label, kind="stable").astype(np.int64),
            starts=np.concatenate([[0], np.cumsum(np.bincount(label))]).astype(np.int64),
            class_names=class_names,
            groups=None if of_class is None else tuple(of_class[c] for c in class_names),
            authors=author,
            author_names=author_names,
            decode=decode,
            name=name,
        )

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """`[classes]` the number of items of each class."""
        return np.diff(self.starts)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """`[m]` the class of each item, in the order of `rows`."""
        return np.repeat(np.arange(len(self.class_names)), self.counts)

    @property
    def is_text(self) -> bool:
        """Whether its items are sentences."""
        return not isinstance(self.store, Tensor) and self.decode is None and isinstance(self.store[0], str)

    @property
    def authors_of_rows(self) -> NDArray[np.int64] | None:
        """`[m]` the author of each item, in the order of `rows`."""
        return None if self.authors is None else self.authors[self.rows]

    def gather(self, positions: Sequence[int] | NDArray[np.int64] | Tensor) -> Any:  # noqa: ANN401 - tensor or decoded batch
        """The items at these positions of the source (0 to `len(source) - 1`), decoded.

        Args:
            positions: n positions; the items of class c stand from `starts[c]` to `starts[c + 1]`.

        Returns:
            A tensor `[n, ...]`, or the list of n strings (or whatever `decode` makes of it).
        """
        rows = self.rows[np.asarray(positions)]
        if isinstance(self.store, Tensor):
            batch: Any = self.store.index_select(0, torch.from_numpy(rows).to(self.store.device))
            return batch if self.decode is None else self.decode(batch)
        items = [self.store[row] for row in rows.tolist()]
        return items if self.decode is None else self.decode(items)

    def subset(
        self,
        classes: Iterable[Any] | None = None,
        groups: Iterable[Any] | None = None,
        items: NDArray[np.bool_] | None = None,
        authors: Iterable[Any] | None = None,
        at_least: int = 1,
        name: str | None = None,
    ) -> "Source":
        """Keep what passes every filter given; the store is shared, not copied.

        Args:
            classes: names of the classes to keep, or the whole numbers that they were given as.
            groups: groups to keep.
            items: `[m]` True for the items to keep.
            authors: names of the authors whose items to keep.
            at_least: classes left with fewer items go too.
            name: a new name.

        Raises:
            InputError: if a class, group or author is unknown, or nothing is left.
        """
        keep = np.ones(len(self), dtype=bool) if items is None else np.array(items, dtype=bool)  # a copy: changed below
        if len(keep) != len(self):
            raise InputError(f"{self.name}: {len(keep)} marks for {len(self)} items; give one an item")
        if classes is not None:
            keep &= np.isin(self.labels, _positions(classes, self.class_names, "class", self.name))
        if groups is not None:
            if self.groups is None:
                raise InputError(f"{self.name}: its classes have no groups, so none can be chosen")
            chosen = set(asked(groups, "group", self.name))
            _positions(chosen, tuple(dict.fromkeys(self.groups)), "group", self.name)
            keep &= np.array([g in chosen for g in self.groups])[self.labels]
        if authors is not None:
            if self.authors is None or self.author_names is None:
                raise InputError(f"{self.name}: its items have no authors, so none can be chosen")
            keep &= np.isin(self.authors[self.rows], _positions(authors, self.author_names, "author", self.name))
        counts = np.bincount(self.labels[keep], minlength=len(self.class_names))
        stays = counts >= max(at_least, 1)
        if not stays.any():
            raise InputError(f"{self.name}: nothing is left of {len(self.class_names)} classes; loosen the filter")
        keep &= stays[self.labels]
        return replace(
            self,
            rows=self.rows[keep],
            starts=np.concatenate([[0], np.cumsum(counts[stays])]).astype(np.int64),
            class_names=tuple(n for n, s in zip(self.class_names, stays, strict=True) if s),
            groups=None if self.groups is None else tuple(g for g, s in zip(self.groups, stays, strict=True) if s),
            name=name or self.name,
        )

    def split(self, shares: Sequence[float], seed: int, by: str = "class") -> tuple["Source", ...]:
        """Divide the source at random into parts that have no class (or group, or item) in common.

        Args:
            shares: each part's share; they add up to 1, and every part gets at least one.
            seed: the same seed gives the same parts.
            by: what is divided: "class", "group", or "item" (each class's items, so that parts share the classes).

        Raises:
            InputError: if the shares do not add up to 1 or there are fewer classes (groups, items of a class) than
                parts.
        """
        if not abs(sum(shares) - 1) < 1e-6 or not all(share > 0 for share in shares):
            raise InputError(f"shares={tuple(shares)}: give positive shares that add up to 1")
        names = tuple(f"{self.name}/{part}" for part in range(len(shares)))
        if by == "item":
            part_of = np.concatenate(
                [
                    _parts(int(n), shares, seed, c, f"{self.name}: class '{self.class_names[c]}' has {n} items")
                    for c, n in enumerate(self.counts)
                ]
            )
            return tuple(self.subset(items=part_of == part, name=name) for part, name in enumerate(names))
        if by == "group":
            if self.groups is None:
                raise InputError(f"{self.name}: its classes have no groups; split by class or by item")
            units = tuple(dict.fromkeys(self.groups))
        elif by == "class":
            units = self.class_names
        else:
            raise InputError(f"by='{by}': {did_you_mean(by, ['class', 'group', 'item'])}")
        part_of = _parts(len(units), shares, seed, 0, f"{self.name} has {len(units)} of kind '{by}'")
        chosen = [[u for u, p in zip(units, part_of, strict=True) if p == part] for part in range(len(shares))]
        return tuple(
            self.subset(groups=c, name=n) if by == "group" else self.subset(classes=c, name=n)
            for c, n in zip(chosen, names, strict=True)
        )

    def describe(self) -> dict[str, Any]:
        """Numbers to know before training: classes, groups, authors, items a class, shape and type."""
        shape = tuple(self.store.shape[1:]) if isinstance(self.store, Tensor) else None
        return {
            "name": self.name,
            "classes": len(self.class_names),
            "items": len(self),
            "items_a_class": {
                "least": int(self.counts.min()),
                "median": float(np.median(self.counts)),
                "most": int(self.counts.max()),
            },
            "groups": None if self.groups is None else len(set(self.groups)),
            "authors": None if self.authors is None else len(np.unique(self.authors[self.rows])),
            "shape": shape,
            "type": str(self.store.dtype).removeprefix("torch.")
            if isinstance(self.store, Tensor)
            else ("sentences" if self.is_text else "decoded on demand"),
        }


def _as_store(array: NDArray[Any]) -> Store:
    """Numbers as a tensor on the same memory, all else as a list."""
    if array.dtype.kind not in "buif":
        items: list[Any] = array.tolist()
        return items
    with warnings.catch_warnings():
        # A read-only array, such as a memory-mapped file, is only read here too.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _positions(names: Iterable[Any], known: tuple[str, ...], kind: str, where: str) -> list[int]:
    place = {name: i for i, name in enumerate(known)}
    positions = []
    for name in asked(names, kind, where):
        if name not in place:
            raise InputError(f"{where}: no {kind} '{name}'; {did_you_mean(name, known)}")
        positions.append(place[name])
    return positions


def _parts(n: int, shares: Sequence[float], seed: int, stream: int, what: str) -> NDArray[np.int64]:
    """`[n]` the part of each of n units: sizes by largest remainder, at least one each, places by seed."""
    if n < len(shares):
        raise InputError(f"{what}: too few for {len(shares)} parts")
    sizes = np.maximum(np.floor(np.asarray(shares) * n).astype(int), 1)
    while sizes.sum() > n:
        sizes[np.argmax(sizes)] -= 1
    while sizes.sum() < n:
        sizes[np.argmax(np.asarray(shares) * n - sizes)] += 1
    parts = np.empty(n, dtype=np.int64)
    parts[np.argsort(uniform(seed, stream, np.arange(n)), kind="stable")] = np.repeat(np.arange(len(shares)), sizes)
    return parts
