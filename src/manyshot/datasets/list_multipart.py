"""List examples of several parts: the rows of a table, or files of one name in class folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from manyshot.base import InputError, note, read_bytes
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES, ItemFile, Tree, list_tree
from manyshot.datasets.group_names import match_groups
from manyshot.datasets.image_folder import SUFFIXES, list_classes
from manyshot.datasets.multipart_columns import (
    NONE,
    NUMBERS,
    SEEN,
    WORDS,
    choose_parts,
    is_empty,
    label_column,
    looks_like_parts,
    number_of,
    parse_parts,
)
from manyshot.datasets.sound_files import SOUNDS
from manyshot.datasets.table_reader import Columns
from manyshot.datasets.table_records import PARQUET, Record, is_records, read_records
from manyshot.datasets.text_table import TEXTS, decode_text

FOLDER_KINDS = {"images": SUFFIXES, "texts": TEXTS, "sounds": SOUNDS}
"""What is found by the extensions of files in class folders."""


@dataclass(frozen=True)
class PartsRow:
    """An example.

    Args:
        name: What reports call it: "row 12", or its path without the extension.
        label: Its class; None if unlabeled.
        group: Its group, such as a patient; None if there are none.
        cells: Each part: a file, a text, or numbers (NaN where one is not known); None where it is missing.
    """

    name: str
    label: str | None
    group: str | None
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class ListedParts:
    """Examples of several parts before anything is decoded.

    Args:
        path: Table or folder.
        kinds: Kind of each part: "images", "texts", "sounds" or "features".
        rows: The examples.
        numbers: Names of the columns of numbers, in the order of the vector.
        split: Split of a folder; None without splits.
    """

    path: Path
    kinds: Mapping[str, str]
    rows: Sequence[PartsRow]
    numbers: tuple[str, ...] = ()
    split: str | None = None

    def describe(self) -> str:
        """One line that says what was taken as what."""
        told = []
        for name, kind in self.kinds.items():
            missing = sum(row.cells[name] is None for row in self.rows)
            what = f"{WORDS[kind]}: {', '.join(self.numbers)}" if kind == "features" else WORDS[kind]
            told.append(f"{name} ({what}{f'; {missing:,} missing' if missing else ''})")
        return f"{self.path}: parts of an example: {', '.join(told)}"


def holds_parts(path: Path, columns: Columns | None = None) -> bool:
    """Whether a path holds examples of several parts: it is asked for, or file names and columns say so.

    Args:
        path: Table, folder or zip.
        columns: Columns that were named; `parts="none"` says no, any other value of it says yes.

    Example:
        >>> holds_parts(Path("faq.csv")), holds_parts(Path("pets.csv"), Columns(parts="auto"))
        (False, True)
    """
    columns = columns or Columns()
    if columns.parts is not None:
        return columns.parts != NONE
    if not path.exists() or columns.text is not None:
        return False
    try:
        if is_records(path):
            return path.suffix.lower() in PARQUET or looks_like_parts(
                list(islice(read_records(path, columns.encoding), SEEN))
            )
        if not path.is_dir() and path.suffix.lower() != ".zip":
            return False
        kinds: dict[tuple[str, ...], set[str]] = {}
        for parts in list_tree(path).files:
            kinds.setdefault(_stem(parts), set()).update(k for k, ends in FOLDER_KINDS.items() if _ends(parts, ends))
        return bool(kinds) and sum(len(found) > 1 for found in kinds.values()) > len(kinds) / 2
    except InputError:
        return False  # what is wrong is said where it is read


def list_parts(
    path: Path,
    columns: Columns | None = None,
    split: str | None = None,
    group_by: str | None = None,
    labeled: bool = True,
    kinds: Mapping[str, str] | None = None,
) -> ListedParts:
    """List examples of several parts.

    Args:
        path: Table (CSV, TSV, JSONL, Parquet) with columns of texts, numbers and paths of pictures and recordings,
            relative to it; or folder or zip with a folder per class, in which `001.png`, `001.txt` and `001.wav` are
            one example.
        columns: Columns of a table.
        split: Split of a folder that has splits.
        group_by: Column of a table, or regular expression on paths, that names the group of an example.
        labeled: Whether classes are read.
        kinds: Columns of a table with their kinds, such as a fitted model knows them; chosen if None.

    Raises:
        InputError: If there are no examples, a column is missing or ambiguous, a row has no class, or no file of a
            column is there.
    """
    columns = columns or Columns()
    if not is_records(path):
        if columns.text or columns.label or columns.group:
            raise InputError(f"{path}: a folder has no columns; leave them out")
        return _of_folder(path, columns, split, group_by, labeled)
    if split is not None:
        raise InputError(f"{path}: no split '{split}', since it is a table; give the table of that split")
    records = list(read_records(path, columns.encoding))
    if not records:
        raise InputError(f"{path}: no rows; write one example per row, below the names of the columns")
    if group_by is not None:
        if group_by not in records[0].cells:
            raise InputError(f"{path}: no column '{group_by}' to group by; name one of {', '.join(records[0].cells)}")
        columns = Columns(columns.text, columns.label, columns.encoding, group_by, columns.parts)
    chosen = choose_parts(path, records, columns, labeled) if kinds is None else kinds
    absent = [name for name in chosen if not any(name in record.cells for record in records)]
    if absent:
        note(f"{path}: no column {' or '.join(map(repr, absent))}; taken as missing in all examples")
    return _of_table(path, records, columns, labeled, chosen)


def _of_table(
    path: Path, records: Sequence[Record], columns: Columns, labeled: bool, chosen: Mapping[str, str]
) -> ListedParts:
    numbers = tuple(name for name, kind in chosen.items() if kind == "features")
    kinds = {name: kind for name, kind in chosen.items() if kind != "features"}
    if numbers:
        if NUMBERS in kinds:
            raise InputError(f"{path}: rename the column '{NUMBERS}': all columns of numbers are a part of this name")
        kinds[NUMBERS] = "features"
    label = label_column(path, list(records[0].cells), columns) if labeled else None
    rows, gone, empty = [], [], []
    for record in records:
        cells: dict[str, Any] = {}
        for name, kind in kinds.items():
            if kind == "features":
                cells[name] = _numbers(path, record, numbers)
                continue
            cells[name] = _cell(path, record, name, kind)
            if cells[name] is None and kind != "texts" and not is_empty(record.cells.get(name)):
                gone.append((name, record))
        if all(cell is None for cell in cells.values()):
            empty.append(record.line)
            continue
        group = None if columns.group is None else _written(path, record, columns.group, "group")
        rows.append(PartsRow(f"row {record.line}", label and _written(path, record, label, "class"), group, cells))
    _say_what_is_missing(path, kinds, rows, gone, empty)
    return ListedParts(path, kinds, rows, numbers)


def _say_what_is_missing(
    path: Path,
    kinds: Mapping[str, str],
    rows: Sequence[PartsRow],
    gone: Sequence[tuple[str, Record]],
    empty: Sequence[int],
) -> None:
    """Note files that are not there and rows that have nothing; refuse a column of which no file is there."""
    for name in kinds:
        lost = [record for column, record in gone if column == name]
        if lost and all(row.cells[name] is None for row in rows):
            raise InputError(
                f"{path}: line {lost[0].line}: no file {path.parent / str(lost[0].cells[name])}, nor any other of "
                f"column '{name}'; give paths relative to the table"
            )
        if lost:
            note(f"{path}: {len(lost):,} files of column '{name}' are missing (the first on line {lost[0].line})")
    if empty:
        note(f"{path}: {len(empty):,} rows without any part are skipped (the first on line {empty[0]})")
    if not rows:
        raise InputError(f"{path}: no row has any part; give texts, numbers, or paths relative to the table")


def _written(path: Path, record: Record, column: str, what: str) -> str:
    value = record.cells.get(column)
    if is_empty(value) or not isinstance(value, str | int | float):
        raise InputError(f"{path}: line {record.line}: no {what} ('{column}'); write one, or remove the row")
    return str(value).strip()


def _numbers(path: Path, record: Record, columns: Sequence[str]) -> tuple[float, ...] | None:
    values = []
    for name in columns:
        value = record.cells.get(name)
        number = float("nan") if is_empty(value) else number_of(value)
        if number is None:
            raise InputError(
                f"{path}: line {record.line}: {name}='{str(value)[:40]}': not a number; write one, or none"
            )
        values.append(number)
    return None if all(value != value for value in values) else tuple(values)


def _cell(path: Path, record: Record, name: str, kind: str) -> Any:  # noqa: ANN401 - a file, a text or None
    value = record.cells.get(name)
    if is_empty(value):
        return None
    if kind == "texts":
        if not isinstance(value, str | int | float):
            raise InputError(f"{path}: line {record.line}: '{name}' holds a {type(value).__name__}; write a text")
        return str(value).strip()
    if not isinstance(value, str) or not value.strip().lower().endswith(FOLDER_KINDS[kind]):
        raise InputError(
            f"{path}: line {record.line}: {name}='{str(value)[:60]}': no name of a {WORDS[kind]}; give a path that "
            f"ends in {', '.join(FOLDER_KINDS[kind])}"
        )
    file = path.parent / value.strip()
    return ItemFile(str(file), partial(read_bytes, file, MAX_FILE_BYTES)) if file.is_file() else None


def _of_folder(path: Path, columns: Columns, split: str | None, group_by: str | None, labeled: bool) -> ListedParts:
    """Files of a class folder, or without labels of any, that differ in their extensions alone are one example."""
    tree = list_tree(path)
    everything = tuple(end for ends in FOLDER_KINDS.values() for end in ends)
    part: str | None = None
    classes: Mapping[str, Sequence[tuple[str, ...]]] = {"": [one for one in tree.files if _ends(one, everything)]}
    if labeled:
        part, classes = list_classes(tree, split, suffixes=everything)
    elif not classes[""]:
        raise InputError(f"{path}: no pictures, texts or recordings in it; name a folder that has some")
    asked = None if columns.parts in (None, "auto") else parse_parts(columns.parts or "")
    found: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    for label in sorted(classes):
        for parts in classes[label]:
            kind = next(kind for kind, ends in FOLDER_KINDS.items() if _ends(parts, ends))
            cells = found.setdefault((label, _stem(parts)), {})
            if WORDS[kind] in cells:
                raise InputError(f"{tree.describe(parts)}: a second {WORDS[kind]} of this name; rename or remove one")
            cells[WORDS[kind]] = _part_of_file(tree, parts, kind, columns.encoding)
    kinds = {
        word: kind
        for kind, word in WORDS.items()
        if any(word in cells for cells in found.values()) and (asked is None or word in asked)
    }
    for word in asked or ():
        if word not in kinds:
            raise InputError(f"{path}: no {word} in it; there are {', '.join(kinds) or 'none that were asked for'}")
    names = ["/".join(stem) for _, stem in found]
    groups = [None] * len(names) if group_by is None else match_groups(names, group_by, str(path))
    rows = [
        PartsRow(name, label or None, group, {word: cells.get(word) for word in kinds})
        for name, group, ((label, _), cells) in zip(names, groups, found.items(), strict=True)
        if any(cells.get(word) is not None for word in kinds)
    ]
    return ListedParts(path, kinds, rows, split=part)


def _part_of_file(tree: Tree, parts: tuple[str, ...], kind: str, encoding: str) -> Any:  # noqa: ANN401 - file or text
    if kind != "texts":
        return ItemFile(tree.describe(parts), partial(tree.read, parts))
    return decode_text(tree.read(parts), tree.describe(parts), encoding).strip() or None


def _ends(parts: tuple[str, ...], ends: tuple[str, ...]) -> bool:
    return parts[-1].lower().endswith(ends)


def _stem(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The path without its extension."""
    return (*parts[:-1], parts[-1].rpartition(".")[0] or parts[-1])
