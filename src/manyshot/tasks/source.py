"""A source: labeled examples grouped by class."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, SupportsIndex

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from manyshot.base import InputError, did_you_mean
from manyshot.base.sound import is_sounds
from manyshot.tasks.names import Names, find, name_text, numbered, written
from manyshot.tasks.partition import partition
from manyshot.tasks.parts import Parts

Store = Tensor | Sequence[Any] | Parts
Decode = Callable[[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Source(Dataset[tuple[Any, int]]):
    """Labeled examples grouped by class; a map-style PyTorch data set of pairs (item, class index).

    Examples stand class after class. The items lie in a `store`, which subsets and splits share; `rows` lists the rows
    of the store that belong to this source.

    Args:
        store: All items: a tensor `[n, ...]` (uint8 for images, in memory or memory-mapped), a sequence of strings,
            paths or anything else that `decode` understands, or `Parts` for examples of several parts.
        rows: Indices `[m]` into the store, those of class 0 first, then class 1, ...
        starts: Index `[classes + 1]` of the first row of each class in `rows`; the last entry is `m`.
        class_names: Names of the classes.
        groups: Group of each class (an alphabet, a domain), or None.
        about: What is said of each class: a text a class, or its vector `[classes, e]`, zeros where nothing is said.
            None stands for the class names.
        authors: Index `[n]` into `author_names` of who made each item of the store (a drawer, a speaker, a microscope),
            or None.
        author_names: Names of the authors, or None.
        decode: Function from a list of stored items to a batch, or None if items are used as they are.
        name: Name for reports and error messages.

    Example:
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels=["cat", "dog", "cat", "dog"])
        >>> source
        Source('source', classes=2, examples=4, items=[1, 8, 8] uint8)
        >>> image, label = source[3]
        >>> image.shape, source.class_names[label]
        (torch.Size([1, 8, 8]), 'dog')
    """

    store: Store
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    class_names: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    about: tuple[str, ...] | Tensor | None = None
    authors: NDArray[np.int64] | None = None
    author_names: tuple[str, ...] | None = None
    decode: Decode | None = None
    name: str = "source"

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.class_names) + 1 or self.starts[-1] != len(self.rows):
            raise ValueError(f"starts={self.starts}: expected one start per class, and the number of rows at the end")
        if self.groups is not None and len(self.groups) != len(self.class_names):
            raise ValueError(f"{len(self.groups)} groups for {len(self.class_names)} classes: give one per class")
        if self.about is not None and len(self.about) != len(self.class_names):
            raise ValueError(f"{len(self.about)} texts for {len(self.class_names)} classes: give one per class")
        if self.authors is not None and len(self.authors) != len(self.store):
            raise ValueError(f"{len(self.authors)} authors for {len(self.store)} items: give one per item")

    @staticmethod
    def of(
        store: Store | NDArray[Any] | Mapping[Any, Any],
        labels: Names,
        groups: Mapping[Any, Any] | None = None,
        authors: Names | None = None,
        decode: Decode | None = None,
        name: str = "source",
    ) -> "Source":
        """Group items by label. Classes are sorted by name; the items of a class keep their order.

        Args:
            store: Tensor `[n, ...]`, NumPy array of numbers, a sequence of n items, or `Parts` of n examples.
            labels: Class names of the n items, or whole numbers, which are sorted as numbers: class 9 is named "9".
            groups: Group of each class, by class name.
            authors: Names (or whole numbers) of the authors of the n items.
            decode: Function from a list of stored items to a batch.
            name: Name for reports and error messages.

        Raises:
            InputError: If there are no items, the numbers of items, labels and authors differ, a label or author is
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
                f"{name}: {len(store)} items and {len(label_names)} labels; give one label per item, and at least one "
                "item"
            )
        author = None
        if authors is not None:
            given = written(authors, "author", name)
            if len(given) != len(label_names):
                raise InputError(f"{name}: {len(label_names)} items and {len(given)} authors; give one author per item")
            author_names, author = numbered(given)
        class_names, label = numbered(label_names)
        of_class = None if groups is None else {name_text(c): name_text(group) for c, group in groups.items()}
        missing = [] if of_class is None else [c for c in class_names if c not in of_class]
        if missing:
            raise InputError(f"{name}: class '{missing[0]}' has no group; give every class a group, or none at all")
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

    def __repr__(self) -> str:
        shape, kind = self.describe()["shape"], self.describe()["type"]
        items = kind if shape is None else f"{list(shape)} {kind}"
        return f"Source({self.name!r}, classes={len(self.class_names)}, examples={len(self)}, items={items})"

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: SupportsIndex) -> tuple[Any, int]:
        """Fetch an item as `gather` does, and the index of its class."""
        return self.__getitems__([range(len(self))[index]])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Any, int]]:
        """Fetch the examples of one batch of a `DataLoader` together."""
        return list(zip(self.gather(indices), self.labels[np.asarray(indices)].tolist(), strict=True))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number `[classes]` of examples of each class."""
        return np.diff(self.starts)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class index `[m]` of each example."""
        return np.repeat(np.arange(len(self.class_names)), self.counts)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is said of each class as a text: a description if one was given, else its name.

        Underscores become spaces: the folder `maple_tree` says "maple tree".

        Raises:
            InputError: If vectors are said of the classes, which have no text any more.

        Example:
            >>> Source.of(["acer", "quercus"], ["maple_tree", "oak_tree"]).texts
            ('maple tree', 'oak tree')
        """
        if isinstance(self.about, Tensor):
            raise InputError(f"{self.name}: vectors are said of its classes, not texts; take the source before that")
        return self.about or tuple(" ".join(name.replace("_", " ").split()) for name in self.class_names)

    @property
    def is_text(self) -> bool:
        """Whether the items are strings."""
        return not isinstance(self.store, Tensor | Parts) and self.decode is None and isinstance(self.store[0], str)

    @property
    def is_sounds(self) -> bool:
        """Whether the items are sounds of 16-bit samples."""
        return is_sounds(self.store)

    @property
    def authors_of_rows(self) -> NDArray[np.int64] | None:
        """Author index `[m]` of each example, or None if there are no authors."""
        return None if self.authors is None else self.authors[self.rows]

    def gather(self, indices: Sequence[int] | NDArray[np.int64] | Tensor) -> Any:  # noqa: ANN401 - tensor or decoded batch
        """Fetch items as a batch.

        Args:
            indices: Indices of n examples, 0 to `len(source) - 1`; class c has those from `starts[c]` to
                `starts[c + 1] - 1`.

        Returns:
            A tensor `[n, ...]`, a list of n strings, `Parts` of n examples, or what `decode` returns.
        """
        rows = self.rows[np.asarray(indices)]
        if isinstance(self.store, Tensor):
            batch: Any = self.store.index_select(0, torch.from_numpy(rows).to(self.store.device))
            return batch if self.decode is None else self.decode(batch)
        if isinstance(self.store, Parts):
            return self.store[rows]
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
        """Keep the examples that pass all given filters; the store is shared, not copied.

        Args:
            classes: Names (or whole numbers) of the classes to keep.
            groups: Names (or whole numbers) of the groups to keep.
            items: Booleans `[m]`, True for examples to keep.
            authors: Names of the authors whose examples to keep.
            at_least: Fewest examples that a class must have left to be kept.
            name: New name of the source; unchanged if None.

        Raises:
            InputError: If a class, group or author is unknown, or nothing is left.
        """
        keep = np.ones(len(self), dtype=bool) if items is None else np.array(items, dtype=bool)  # a copy: changed below
        if len(keep) != len(self):
            raise InputError(f"{self.name}: {len(keep)} booleans for {len(self)} examples; give one per example")
        if classes is not None:
            keep &= np.isin(self.labels, find(classes, self.class_names, "class", self.name))
        if groups is not None:
            if self.groups is None:
                raise InputError(f"{self.name}: its classes have no groups to filter by")
            known = tuple(dict.fromkeys(self.groups))
            chosen = {known[i] for i in find(groups, known, "group", self.name)}
            keep &= np.array([g in chosen for g in self.groups])[self.labels]
        if authors is not None:
            if self.authors is None or self.author_names is None:
                raise InputError(f"{self.name}: its examples have no authors to filter by")
            keep &= np.isin(self.authors[self.rows], find(authors, self.author_names, "author", self.name))
        counts = np.bincount(self.labels[keep], minlength=len(self.class_names))
        kept = counts >= max(at_least, 1)
        if not kept.any():
            raise InputError(f"{self.name}: nothing is left of {len(self.class_names)} classes; loosen the filter")
        keep &= kept[self.labels]
        about = self.about
        if about is not None:
            chosen_rows = np.flatnonzero(kept).tolist()
            about = about[chosen_rows] if isinstance(about, Tensor) else tuple(about[c] for c in chosen_rows)
        return replace(
            self,
            rows=self.rows[keep],
            starts=np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64),
            class_names=tuple(n for n, k in zip(self.class_names, kept, strict=True) if k),
            groups=None if self.groups is None else tuple(g for g, k in zip(self.groups, kept, strict=True) if k),
            about=about,
            name=name or self.name,
        )

    def split(self, fractions: Sequence[float], seed: int, by: str = "class") -> tuple["Source", ...]:
        """Split the source at random into parts that have no class (or group, or example) in common.

        Args:
            fractions: Fraction of each part; they add up to 1, and every part gets at least one class.
            seed: Seed of the split.
            by: What is split: "class", "group", "item" (the examples of each class, so that all parts have all
                classes), or "author" (those who made the examples, class by class: all examples of an author, or
                patient, are in one part).

        Raises:
            InputError: If the fractions do not add up to 1, or there are fewer classes (groups, examples or authors of
                a class) than parts.
        """
        if not abs(sum(fractions) - 1) < 1e-6 or not all(fraction > 0 for fraction in fractions):
            raise InputError(f"fractions={tuple(fractions)}: give positive fractions that add up to 1")
        names = tuple(f"{self.name}/{part}" for part in range(len(fractions)))
        if by == "item":
            part_of = np.concatenate(
                [
                    partition(
                        int(n), fractions, seed, c, f"{self.name}: class '{self.class_names[c]}' has {n} examples"
                    )
                    for c, n in enumerate(self.counts)
                ]
            )
            return tuple(self.subset(items=part_of == part, name=name) for part, name in enumerate(names))
        if by == "author":
            part_of = self._parts_of_authors(fractions, seed)
            return tuple(self.subset(items=part_of == part, name=name) for part, name in enumerate(names))
        if by == "group":
            if self.groups is None:
                raise InputError(f"{self.name}: its classes have no groups; give by='class' or by='item'")
            units = tuple(dict.fromkeys(self.groups))
        elif by == "class":
            units = self.class_names
        else:
            raise InputError(f"by='{by}': {did_you_mean(by, ['class', 'group', 'item', 'author'])}")
        part_of = partition(
            len(units), fractions, seed, 0, f"{self.name} has {len(units)} {'groups' if by == 'group' else 'classes'}"
        )
        chosen = [[u for u, p in zip(units, part_of, strict=True) if p == part] for part in range(len(fractions))]
        return tuple(
            self.subset(groups=c, name=n) if by == "group" else self.subset(classes=c, name=n)
            for c, n in zip(chosen, names, strict=True)
        )

    def _parts_of_authors(self, fractions: Sequence[float], seed: int) -> NDArray[np.int64]:
        """Index `[m]` of the part of each example; authors are divided among those of the same first class."""
        authors = self.authors_of_rows
        if authors is None:
            raise InputError(
                f"{self.name}: nobody knows its authors; name them by group_by (--group-by), or split by item"
            )
        known, first = np.unique(authors, return_index=True)
        home = self.labels[first]
        part_of = np.empty(int(authors.max()) + 1, dtype=np.int64)
        for c, name in enumerate(self.class_names):
            here = known[home == c]
            what = f"{self.name}: class '{name}' has {len(here)} authors (patients) of its own"
            part_of[here] = partition(len(here), fractions, seed, c, what)
        parts: NDArray[np.int64] = part_of[authors]
        return parts

    def describe(self) -> dict[str, Any]:
        """Summarize the source: numbers of classes, groups, authors and examples per class, shape and type."""
        shape = tuple(self.store.shape[1:]) if isinstance(self.store, Tensor) else None
        kind = "sentences" if self.is_text else "decoded on demand"
        if isinstance(self.store, Parts):
            kind = ", ".join(f"{name} ({what})" for name, what in self.store.kinds.items())
        return {
            "name": self.name,
            "classes": len(self.class_names),
            "examples": len(self),
            "examples_per_class": {
                "min": int(self.counts.min()),
                "median": float(np.median(self.counts)),
                "max": int(self.counts.max()),
            },
            "groups": None if self.groups is None else len(set(self.groups)),
            "authors": None if self.authors is None else len(np.unique(self.authors[self.rows])),
            "shape": shape,
            "type": str(self.store.dtype).removeprefix("torch.") if isinstance(self.store, Tensor) else kind,
        }


def _as_store(array: NDArray[Any]) -> Store:
    """Convert an array of numbers to a tensor without copying it, and any other array to a list."""
    if array.dtype.kind not in "buif":
        items: list[Any] = array.tolist()
        return items
    with warnings.catch_warnings():
        # A read-only array, such as a memory-mapped file, is only read here too.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)
