"""Which columns of a table are parts of an example, and what they hold: named, or told from their cells."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyshot.base import InputError, did_you_mean, name_list
from manyshot.datasets.image_folder import SUFFIXES
from manyshot.datasets.sound_files import SOUNDS
from manyshot.datasets.table_reader import LABEL_NAMES, PICTURE_NAMES, TEXT_NAMES, Columns
from manyshot.datasets.table_records import Record

AUTO, NONE = "auto", "none"
KINDS = {"picture": "images", "text": "texts", "sound": "sounds", "number": "features"}
"""What a column may hold, by the word for it in `--parts`."""
WORDS = {kind: word for word, kind in KINDS.items()}
NUMBERS = "numbers"
"""Name of the part that all columns of numbers make up together."""
CAPTIONS = (*TEXT_NAMES, "caption", "description", "title")
FILES = (*PICTURE_NAMES, "sound", "audio", "recording", "wav")
SEEN = 100
"""Rows that are looked at to tell whether a table has examples of several parts."""


def parse_parts(text: str) -> dict[str, str | None]:
    """Read the option `--parts`: names of columns, with what they hold or without.

    Args:
        text: Such as "photo caption=text age=number", separated by spaces or commas.

    Returns:
        The kind of each column, None where it is to be told from the cells.

    Raises:
        InputError: For an unknown kind, a name that stands there twice, or none.

    Example:
        >>> parse_parts("photo, caption=text")
        {'photo': None, 'caption': 'texts'}
    """
    found: dict[str, str | None] = {}
    for word in text.replace(",", " ").split():
        name, equals, kind = word.partition("=")
        if not name or name in found:
            raise InputError(f"--parts '{text}': '{word}': name each column once, as in photo=picture")
        if equals and kind not in KINDS:
            raise InputError(f"--parts '{text}': {name}={kind}: {did_you_mean(kind, KINDS)}")
        found[name] = KINDS[kind] if equals else None
    if not found:
        raise InputError("--parts: name columns, as in --parts 'photo=picture caption=text', or write auto")
    return found


def label_column(path: Path, names: Sequence[str], columns: Columns) -> str:
    """The column of the classes.

    Args:
        path: Path of the table, for errors.
        names: Its columns.
        columns: What was asked for.

    Raises:
        InputError: If there is none.

    Example:
        >>> label_column(Path("pets.csv"), ["photo", "Label"], Columns())
        'Label'
    """
    if columns.label is not None:
        if columns.label not in names:
            raise InputError(f"{path}: no column '{columns.label}'; {did_you_mean(columns.label, names)}")
        return columns.label
    plain = {name.lower(): name for name in names}
    known = [plain[name] for name in LABEL_NAMES if name in plain]
    if not known:
        raise InputError(
            f"{path}: which column holds the classes? Name it by --label-column; columns: {name_list(names)}"
        )
    return known[0]


def kind_of_cells(values: Sequence[Any]) -> str | None:
    """What cells hold: "images" or "sounds" (names of files), "features" (numbers) or "texts"; None for nothing.

    Args:
        values: Cells of one column.

    Example:
        >>> kind_of_cells(["a.png", "", "B.JPG"]), kind_of_cells(["3", 4.5]), kind_of_cells(["a", "3"])
        ('images', 'features', 'texts')
    """
    filled = [value for value in values if not is_empty(value)]
    if not filled:
        return None
    if all(number_of(value) is not None for value in filled):
        return "features"
    texts = [str(value).strip().lower() for value in filled]
    for kind, ends in (("images", SUFFIXES), ("sounds", SOUNDS)):
        if all(text.endswith(ends) for text in texts):
            return kind
    return "texts"


def is_empty(value: Any) -> bool:  # noqa: ANN401 - a cell
    """Whether a cell holds nothing: an empty text, None, or not a number.

    Example:
        >>> is_empty(" "), is_empty(None), is_empty(0), is_empty(float("nan"))
        (True, True, False, True)
    """
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def number_of(value: Any) -> float | None:  # noqa: ANN401 - a cell
    """The finite number that a cell holds, written as a text or not; None if it holds none.

    Example:
        >>> number_of("1.5"), number_of(True), number_of("1_000"), number_of("inf")
        (1.5, 1.0, None, None)
    """
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        return None
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def choose_parts(path: Path, records: Sequence[Record], columns: Columns, labeled: bool) -> Mapping[str, str]:
    """The columns that are parts, and the kind of each.

    Args:
        path: Path of the table, for errors.
        records: Its rows.
        columns: What was asked for.
        labeled: Whether there is a column of classes.

    Raises:
        InputError: If a column is missing, holds nothing or something else than asked for, or no column is left.
    """
    names = list(records[0].cells)
    asked = None if columns.parts in (None, AUTO) else parse_parts(columns.parts or AUTO)
    taken = {label_column(path, names, columns)} if labeled else set(_usual_label(names, columns))
    taken |= {columns.group} if columns.group is not None else set()
    found = {}
    for name in names if asked is None else asked:
        if name not in names:
            raise InputError(f"{path}: no column '{name}'; {did_you_mean(name, names)}")
        if name in taken:
            if asked is not None:
                raise InputError(f"{path}: '{name}' holds classes or groups, so it is no part; leave it out of --parts")
            continue
        kind = kind_of_cells([record.cells.get(name) for record in records])
        wanted = None if asked is None else asked[name]
        if wanted == "features" and kind not in ("features", None):
            _refuse_numbers(path, records, name)
        if kind is None and wanted is None:
            if asked is not None:
                raise InputError(f"{path}: column '{name}' is empty; leave it out of --parts, or say what it holds")
            continue
        found[name] = wanted or kind or "texts"
    if not found:
        raise InputError(f"{path}: no column but the classes; add columns of texts, numbers, or paths of files")
    return found


def _usual_label(names: Sequence[str], columns: Columns) -> list[str]:
    return [name for name in names if name == columns.label or (columns.label is None and name.lower() in LABEL_NAMES)]


def _refuse_numbers(path: Path, records: Sequence[Record], name: str) -> None:
    for record in records:
        value = record.cells.get(name)
        if not is_empty(value) and number_of(value) is None:
            raise InputError(
                f"{path}: line {record.line}: {name}='{str(value)[:40]}': not a number; write one, or none"
            )


def looks_like_parts(records: Sequence[Record]) -> bool:
    """Whether the usual names of columns and their cells say that examples have several parts: files and texts.

    Args:
        records: The first rows of a table.

    Example:
        >>> looks_like_parts([Record(2, {"label": "cat", "image": "1.png", "caption": "a cat"})])
        True
        >>> looks_like_parts([Record(2, {"label": "cat", "image": "1.png", "patient": "7"})])
        False
    """
    if not records:
        return False
    plain = {name.lower(): name for name in records[0].cells}

    def kinds(usual: Sequence[str]) -> set[str | None]:
        return {kind_of_cells([one.cells.get(plain[name]) for one in records]) for name in usual if name in plain}

    files = kinds(FILES) & {"images", "sounds"}
    return bool(files) and (len(files) > 1 or "texts" in kinds(CAPTIONS))
