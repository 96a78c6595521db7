"""Tables of sentences, a row at a time: CSV, TSV and JSONL, in whatever encoding their owner names."""

import codecs
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from manyshot.base import InputError, did_you_mean

DELIMITED, JSON_LINES = (".csv", ".tsv", ".tab"), (".jsonl", ".ndjson")
TABLES = (*DELIMITED, *JSON_LINES)
"""What a table's name ends with."""

TEXT_NAMES = ("text", "sentence", "utterance", "query", "question", "headline", "content")
PICTURE_NAMES = ("file", "filename", "file_name", "path", "image", "picture", "photo")
LABEL_NAMES = ("label", "intent", "category", "class", "target")
"""Columns that are taken where none is named, the first that is there."""

BROKEN = {
    "unexpected end of data": "a quote that is opened here is never closed; close it, or double quotes inside a text",
    "expected after": "a quote stands inside a quoted text; double it",
    "field larger": "a text of more than 131,072 letters, perhaps from a quote that is never closed; close it, or "
    "shorten the text",
}
"""What Python's reader of CSV complains of, in words that tell the mend."""


@dataclass(frozen=True)
class Columns:
    """Where a table has its sentences and classes, and how its letters are stored.

    Args:
        text: the column of the sentences, or of the paths of pictures; if None, the first of `TEXT_NAMES` and then of
            `PICTURE_NAMES` that is there.
        label: the column of the classes; the first of `LABEL_NAMES` that is there if None.
        encoding: of the file, such as "utf-8" (with or without a byte order mark) or "gb18030".
        group: the column of what examples belong together by, such as the patient or the speaker; None for none.

    Raises:
        InputError: If the encoding is unknown, or is one in which lines cannot be told apart byte by byte (UTF-16).

    Example:
        >>> Columns("frage", "thema", "gb18030").encoding
        'gb18030'
    """

    text: str | None = None
    label: str | None = None
    encoding: str = "utf-8"
    group: str | None = None

    def __post_init__(self) -> None:
        try:
            plain = "a\n".encode(self.encoding) == b"a\n"
            codecs.lookup(self.encoding)
        except (LookupError, UnicodeError, TypeError):
            raise InputError(
                f"encoding '{self.encoding}': unknown; give one that Python knows, such as utf-8, gb18030 or latin-1"
            ) from None
        if not plain:
            raise InputError(f"encoding '{self.encoding}': store the file as utf-8; its lines cannot be told apart so")


@dataclass(frozen=True)
class TextRow:
    """A row of a table.

    Args:
        line: the number of its first line in the file, from 1.
        text: the sentence, without space at its ends.
        label: its class; empty in rows that are read without classes.
        offset: bytes before it in the file.
        group: what the column of groups holds; empty without one.
    """

    line: int
    text: str
    label: str
    offset: int
    group: str = ""


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table.

    Example:
        >>> is_table(Path("faq.CSV")), is_table(Path("photos.zip"))
        (True, False)
    """
    return path.suffix.lower() in TABLES


def read_rows(path: Path, columns: Columns, labelled: bool = True) -> Iterator[TextRow]:
    r"""Read a table a row at a time, however large it is.

    Args:
        path: of the table; its ending says of what kind it is. A `.csv` may be divided by commas, semicolons or tabs.
        columns: where sentences and classes are. Those of a table are looked up in its header.
        labelled: whether there has to be a column of classes; otherwise none is read.

    Raises:
        InputError: If the file or a column is missing, a row is broken or has no class, or a letter cannot be read;
            names the line and the mend.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = path.write_text('text,label\n"hello, you",greet\n')
        >>> [(row.line, row.text, row.label) for row in read_rows(path, Columns())]
        [(2, 'hello, you', 'greet')]
    """
    with _opened(path) as file:
        lines = _Lines(file, path, columns.encoding)
        if not _is_delimited(path):
            yield from _json_rows(lines, columns, labelled)
        else:
            names, delimiter = _header(lines)
            yield from _body(lines, names, delimiter, _chosen(path, names, columns, labelled))


def column_names(path: Path, encoding: str = "utf-8") -> tuple[str, ...]:
    r"""The names of the columns of a table; of a table of JSON lines, the keys of its first line.

    Args:
        path: of the table.
        encoding: of the file.

    Raises:
        InputError: If it cannot be read or is empty.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = path.write_text("text,label\nhello,greet\n")
        >>> column_names(path)
        ('text', 'label')
    """
    with _opened(path) as file:
        lines = _Lines(file, path, encoding)
        return tuple(_header(lines)[0] if _is_delimited(path) else _json_names(lines))


def resolve_columns(path: Path, columns: Columns) -> Columns:
    """The columns that will be read, by name.

    Raises:
        InputError: If one is missing.
    """
    with _opened(path) as file:
        lines = _Lines(file, path, columns.encoding)
        if not _is_delimited(path):
            return _chosen(path, _json_names(lines), columns)
        return _chosen(path, _header(lines)[0], columns)


class TextsOnDisk(Sequence[str]):
    """The sentences of a table that is too large for memory, read when they are asked for.

    Args:
        path: of the table.
        columns: see `read_rows`.
        offsets: where each row begins, as `read_rows` told.
    """

    def __init__(self, path: Path, columns: Columns, offsets: Sequence[int]) -> None:
        self.path, self.columns, self.offsets = path, resolve_columns(path, columns), offsets
        self.stamp = _stamp(path)
        self.header: tuple[list[str], str] | None = None
        if _is_delimited(path):
            with _opened(path) as file:
                self.header = _header(_Lines(file, path, columns.encoding))

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - a number, or a slice
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if _stamp(self.path) != self.stamp:
            raise InputError(f"{self.path}: was changed while it was in use; begin again")
        with _opened(self.path) as file:
            file.seek(self.offsets[place])
            lines = _Lines(file, self.path, self.columns.encoding)
            if self.header is None:
                return next(_json_rows(lines, self.columns)).text
            names, delimiter = self.header
            return next(_body(lines, names, delimiter, self.columns)).text


class _Lines:
    """The lines of a file as text, with their numbers and where they begin."""

    def __init__(self, file: BinaryIO, path: Path, encoding: str) -> None:
        self.file, self.path, self.encoding = file, path, encoding
        self.number, self.offset = 0, file.tell()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self.file.readline()
        if not raw:
            raise StopIteration
        begins = self.offset == 0
        self.offset += len(raw)
        self.number += 1
        if begins:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise InputError(f"{self.path}: is stored as UTF-16; store it as UTF-8")
            if codecs.lookup(self.encoding).name == "utf-8":
                raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            raise InputError(
                f"{self.path}: line {self.number}: byte {byte:#04x} is no {self.encoding}; name the file's encoding, "
                "such as --encoding gb18030 or latin-1"
            ) from None


def _is_delimited(path: Path) -> bool:
    return path.suffix.lower() in DELIMITED


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return state.st_size, state.st_mtime_ns


def _header(lines: _Lines) -> tuple[list[str], str]:
    """The names of the columns, and what divides them."""
    tabs = lines.path.suffix.lower() in (".tsv", ".tab")
    first = next(lines, "")
    if not first.strip():
        raise InputError(f"{lines.path}: is empty; its first line has to name the columns")
    delimiter = "\t" if tabs else max(",;\t", key=first.count)
    try:
        names = next(csv.reader([first], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"{lines.path}: line 1: {_mend(error)}") from None
    return [name.strip() for name in names], delimiter


def _body(lines: _Lines, names: list[str], delimiter: str, columns: Columns) -> Iterator[TextRow]:
    text, label, group = (
        None if name is None else names.index(name) for name in (columns.text, columns.label, columns.group)
    )
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line, offset = lines.number + 1, lines.offset
        where = f"{lines.path}: line {line}"
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise InputError(f"{where}: {_mend(error)}") from None
        if values is None:
            return
        if not values:  # an empty line
            continue
        if len(values) != len(names):
            raise InputError(
                f"{where}: {len(values)} columns, but the header has {len(names)}; put texts that hold "
                f"'{delimiter}' in quotes"
            )
        found = ["" if place is None else values[place] for place in (text, label, group)]
        yield _row(where, line, found, offset, labelled=label is not None)


def _json_rows(lines: _Lines, columns: Columns, labelled: bool = True) -> Iterator[TextRow]:
    known: Columns | None = None
    while True:
        line, offset = lines.number + 1, lines.offset
        content = next(lines, None)
        if content is None:
            return
        if not content.strip():
            continue
        where = f"{lines.path}: line {line}"
        values = _object(content, where)
        known = known or _chosen(lines.path, list(values), columns, labelled)
        wanted = (known.text, known.label, known.group)
        for name in wanted:
            if name is not None and name not in values:
                raise InputError(f"{where}: no '{name}'; {did_you_mean(name, values)}")
        found = ["" if name is None else values[name] for name in wanted]
        yield _row(where, line, found, offset, labelled=known.label is not None)


def _json_names(lines: _Lines) -> list[str]:
    for content in lines:
        if content.strip():
            return list(_object(content, f"{lines.path}: line {lines.number}"))
    raise InputError(f"{lines.path}: is empty; give it a JSON object a line")


def _object(content: str, where: str) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f'{where}: not a JSON object; write one a line, such as {{"text": .., "label": ..}}')
    return values


def _row(where: str, line: int, values: Sequence[Any], offset: int, labelled: bool) -> TextRow:
    """A row of a text, a label and a group."""
    text, label, group = values
    if not isinstance(text, str):
        raise InputError(f"{where}: its text is no text but {type(text).__name__}; write it in quotes")
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise InputError(f"{where}: its class is no text but {type(label).__name__}; write it in quotes")
    if isinstance(group, bool) or not isinstance(group, str | int):
        raise InputError(f"{where}: its group is no text but {type(group).__name__}; write it in quotes")
    name = str(label).strip()
    if labelled and not name:
        raise InputError(f"{where}: no class; write one, or take the row out")
    return TextRow(line, text.strip(), name, offset, str(group).strip())


def _mend(error: csv.Error) -> str:
    return next((words for part, words in BROKEN.items() if part in str(error)), str(error))


def _chosen(path: Path, names: list[str], columns: Columns, labelled: bool = True) -> Columns:
    """The columns, by name."""
    usual = (*TEXT_NAMES, *PICTURE_NAMES)
    text = _column(path, names, "text", columns.text, usual, alone=not labelled)
    label = _column(path, names, "label", columns.label, LABEL_NAMES, alone=False) if labelled else None
    if text == label:
        raise InputError(f"{path}: '{text}' cannot be both text and label; name two columns")
    if columns.group is not None and columns.group not in names:
        raise InputError(f"{path}: no column '{columns.group}'; {did_you_mean(columns.group, names)}")
    return replace(columns, text=text, label=label)


def _column(path: Path, names: list[str], what: str, name: str | None, usual: Sequence[str], alone: bool) -> str:
    """The column of this name, or else the first with a usual name, or the one that stands alone."""
    if name is not None:
        if name not in names:
            raise InputError(f"{path}: no column '{name}'; {did_you_mean(name, names)}")
        return name
    plain = {column.lower(): column for column in names}
    known = [plain[column] for column in usual if column in plain] or (names if alone and len(names) == 1 else [])
    if not known:
        raise InputError(
            f"{path}: which column holds the {'sentences' if what == 'text' else 'classes'}? Name it by "
            f"--{what}-column; there are: {', '.join(names)}"
        )
    return known[0]
