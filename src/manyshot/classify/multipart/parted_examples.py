"""Examples of a user that have several parts: each part as an `ExampleSet` of the examples that have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from manyshot.base import InputError, did_you_mean, note
from manyshot.classify.examples.example_set import ExampleSet, Item, Kind, PictureFile, SoundFile, class_texts
from manyshot.datasets.feature_store import digest_of
from manyshot.datasets.folder_or_zip import ItemFile
from manyshot.datasets.list_multipart import ListedParts, list_parts
from manyshot.datasets.pictures import read_header
from manyshot.datasets.table_reader import Columns

KINDS: Mapping[str, Kind] = {"images": "pictures", "texts": "sentences", "sounds": "sounds"}
"""What `ExampleSet` calls the kinds of parts that are encoded."""
FEATURES = "features"
"""The kind of a part of numbers, which are not encoded."""


@dataclass(frozen=True, eq=False)
class PartedExamples:
    """Labeled or unlabeled examples of several parts, of which any may be missing.

    Args:
        sets: The examples that have a part, by its name, without labels.
        rows: Their places `[k]` among the n examples, by the same names.
        numbers: Numbers `[n, d]` of the examples, NaN where one is not known; None if there are none.
        number_names: Names of the d columns of numbers.
        kinds: Kind of each part, in order.
        labels: Index `[n]` into `class_names`; -1 where unlabeled.
        class_names: Names of the classes.
        names: What reports call each example.
        groups: Group `[n]` of each example, such as a patient; None without groups.
    """

    kind: ClassVar[str] = "parts"

    sets: Mapping[str, ExampleSet]
    rows: Mapping[str, NDArray[np.int64]]
    numbers: Float[np.ndarray, "n d"] | None
    number_names: tuple[str, ...]
    kinds: Mapping[str, str]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def class_texts(self) -> tuple[str, ...]:
        """The names of the classes as texts, with spaces for underscores."""
        return class_texts(self.class_names)

    def missing(self) -> dict[str, int]:
        """How many examples lack each part."""
        return {name: int((~self.there(name)).sum()) for name in self.kinds}

    def there(self, name: str) -> NDArray[np.bool_]:
        """Whether each example has a part `[n]`.

        Args:
            name: Name of the part.
        """
        if self.kinds[name] == FEATURES:
            assert self.numbers is not None
            known: NDArray[np.bool_] = ~np.isnan(self.numbers).all(1)
            return known
        there = np.zeros(len(self), dtype=bool)
        there[self.rows[name]] = True
        return there

    def with_parts(self, kinds: Mapping[str, str], number_names: tuple[str, ...]) -> "PartedExamples":
        """The same examples with certain parts: of those that they do not have, each lacks them.

        Args:
            kinds: Kind of each part, in order.
            number_names: Names of the columns of numbers.
        """
        empty = np.zeros(0, dtype=np.int64)
        sets, rows = {}, {}
        for name, kind in kinds.items():
            if kind != FEATURES:
                sets[name] = self.sets[name] if name in self.sets else ExampleSet(KINDS[kind], (), empty, (), (), ())
                rows[name] = self.rows.get(name, empty)
        numbers = self.numbers if number_names else None
        if number_names and numbers is None:
            numbers = np.full((len(self), len(number_names)), np.nan)
        return replace(self, sets=sets, rows=rows, numbers=numbers, number_names=number_names, kinds=dict(kinds))

    def renamed(self, names: Mapping[str, str]) -> "PartedExamples":
        """The same examples with other names of parts.

        Args:
            names: New names by old ones; parts that are not there keep theirs.
        """

        def new(parts: Mapping[str, Any]) -> dict[str, Any]:
            return {names.get(name, name): value for name, value in parts.items()}

        return replace(self, sets=new(self.sets), rows=new(self.rows), kinds=new(self.kinds))

    def select(self, rows: ArrayLike) -> "PartedExamples":
        """Some of the examples, in the order of `rows`; the classes stay the same.

        Args:
            rows: Which examples.
        """
        chosen = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        sets, places = {}, {}
        for name, own in self.rows.items():
            place = {row: k for k, row in enumerate(own.tolist())}
            kept = [k for k, row in enumerate(chosen.tolist()) if row in place]
            sets[name] = self.sets[name].select([place[int(chosen[k])] for k in kept])
            places[name] = np.array(kept, dtype=np.int64)
        return replace(
            self,
            sets=sets,
            rows=places,
            numbers=None if self.numbers is None else self.numbers[chosen],
            labels=self.labels[chosen],
            names=tuple(self.names[i] for i in chosen.tolist()),
            groups=None if self.groups is None else self.groups[chosen],
        )


def load_parted(
    path: Path | str,
    *,
    columns: Columns | None = None,
    split: str | None = None,
    group_by: str | None = None,
    class_names: Sequence[str] | None = None,
    labeled: bool = True,
    kinds: Mapping[str, str] | None = None,
) -> PartedExamples:
    r"""List the examples of a table, or of a folder of files of one name, that have several parts.

    Args:
        path: Table, folder or zip, see `manyshot.datasets.list_multipart`.
        columns: Columns of a table.
        split: Split of a folder that has splits.
        group_by: Column, or regular expression on paths, that names the group of an example.
        class_names: Classes that labels refer to, such as those of a model; those that occur if None.
        labeled: Whether classes are read.
        kinds: Columns of a table and their kinds, such as those of a model; chosen if None.

    Raises:
        InputError: As `list_parts`; if a class is not among `class_names`, or without these there are fewer than two.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
        >>> _ = path.write_text("label,caption,age\ncat,it purrs,3\ndog,,5\n")
        >>> examples = load_parted(path, columns=Columns(parts="auto"))
        >>> examples.class_names, examples.missing()
        (('cat', 'dog'), {'caption': 1, 'numbers': 0})
    """
    listed = list_parts(Path(path).expanduser(), columns, split, group_by, labeled, kinds)
    note(listed.describe())
    labels = [row.label for row in listed.rows] if labeled else [None] * len(listed.rows)
    occurring = tuple(sorted({label for label in labels if label is not None}))
    known = tuple(class_names) if class_names is not None else occurring
    if labeled and class_names is None and len(known) < 2:
        raise InputError(f"{path}: one class only ('{known[0]}'); give at least two")
    index = {name: number for number, name in enumerate(known)}
    for row, label in zip(listed.rows, labels, strict=True):
        if label is not None and label not in index:
            raise InputError(f"{path}: '{row.name}' has the unknown class '{label}'; {did_you_mean(label, known)}")
    groups = [row.group for row in listed.rows]
    numbered = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    sets, rows, numbers = _parts_of(listed)
    return PartedExamples(
        sets,
        rows,
        numbers,
        listed.numbers,
        dict(listed.kinds),
        np.array([-1 if label is None else index[label] for label in labels], dtype=np.int64),
        known,
        tuple(row.name for row in listed.rows),
        None if groups[0] is None else np.array([numbered[group] for group in groups], dtype=np.int64),
    )


def _parts_of(
    listed: ListedParts,
) -> tuple[dict[str, ExampleSet], dict[str, NDArray[np.int64]], NDArray[np.float64] | None]:
    sets, rows, numbers = {}, {}, None
    for name, kind in listed.kinds.items():
        cells = [row.cells[name] for row in listed.rows]
        if kind == FEATURES:
            nothing = (float("nan"),) * len(listed.numbers)
            numbers = np.array([cell or nothing for cell in cells], dtype=np.float64)
            continue
        present = [place for place, cell in enumerate(cells) if cell is not None]
        rows[name] = np.array(present, dtype=np.int64)
        items, digests = [], []
        for place in present:
            item, digest = _item(cells[place], kind)
            items.append(item)
            digests.append(digest)
        sets[name] = ExampleSet(
            kind=KINDS[kind],
            items=tuple(items),
            labels=np.full(len(items), -1, dtype=np.int64),
            class_names=(),
            names=tuple(f"{listed.rows[place].name}: {name}" for place in present),
            digests=tuple(digests),
        )
    return sets, rows, numbers


def _item(cell: ItemFile | str, kind: str) -> tuple[Item, str]:
    """A part as an item of an `ExampleSet`, with the digest of its content; a damaged picture is an error here."""
    if isinstance(cell, str):
        return cell, digest_of(cell)
    data = cell.read()
    if kind == "images":
        read_header(data, cell.where)
        return PictureFile(cell.where, cell.read), digest_of(data)
    return SoundFile(cell.where, cell.read), digest_of(data)
