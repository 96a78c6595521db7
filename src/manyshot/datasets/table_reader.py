"""Read tables of sentences row by row: CSV, TSV and JSONL, in any encoding that is named."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from manyshot.base import InputError, did_you_mean, has_type, name_list, open_file, parse_json
from manyshot.datasets.table_lines import Header, TableLines, explain, read_header

DELIMITED, JSON_LINES = (".csv", ".tsv", ".tab"), (".jsonl", ".ndjson")
TABLES = (*DELIMITED, *JSON_LINES)
"""File name extensions of tables."""

TEXT_NAMES = ("text", "sentence", "utterance", "query", "question", "headline", "content")
PICTURE_NAMES = ("file", "filename", "file_name", "path", "image", "picture", "photo")
LABEL_NAMES = ("label", "intent", "category", "class", "target")
"""Columns that are looked for if none is named; the first that exists is taken."""


@dataclass(frozen=True)
class Columns:
    """Columns and encoding of a table.

    Args:
        text: Column of the sentences, or of the paths of images; None for the first of `TEXT_NAMES`, then of
            `PICTURE_NAMES`, that exists.
        label: Column of the classes; None for the first of `LABEL_NAMES` that exists.
        encoding: Encoding of the file, such as "utf-8" (with or without a byte order mark) or "gb18030".
        group: Column of what groups examples, such as the patient or the speaker; None if there is none.
        parts: Columns that are parts of an example, such as "photo=picture caption=text age=number"; "auto" to tell
            from their cells; "none" for a table of one column; None for parts where usual names of columns say so.

    Raises:
        InputError: If the encoding is unknown, or one whose bytes do not show where lines end (UTF-16).

    Example:
        >>> Columns("frage", "thema", "gb18030").encoding
        'gb18030'
    """

    text: str | None = None
    label: str | None = None
    encoding: str = "utf-8"
    group: str | None = None
    parts: str | None = None

    def __post_init__(self) -> None:
        try:
            plain = "a\n".encode(self.encoding) == b"a\n"
            codecs.lookup(self.encoding)
        except (LookupError, UnicodeError, TypeError):
            raise InputError(
                f"encoding '{self.encoding}': unknown; give one that Python knows, such as utf-8, gb18030 or latin-1"
            ) from None
        if not plain:
            raise InputError(f"encoding '{self.encoding}': its lines cannot be separated; store the file as utf-8")


@dataclass(frozen=True)
class TextRow:
    """A row of a table.

    Args:
        line: Number of its first line in the file, from 1.
        text: Sentence, without leading and trailing spaces; empty if the row has none.
        label: Class; empty if classes are not read, or a row without a sentence has none.
        offset: Number of bytes before it in the file.
        group: Value of the column of groups; empty without one.
        written_label: The class as the file writes it: text, or a number in JSON.
    """

    line: int
    text: str
    label: str
    offset: int
    group: str = ""
    written_label: str | int | float = ""


def is_table(path: Path) -> bool:
    """Whether a path has the extension of a table.

    Example:
        >>> is_table(Path("faq.CSV")), is_table(Path("photos.zip"))
        (True, False)
    """
    return path.suffix.lower() in TABLES


def read_rows(path: Path, columns: Columns, labeled: bool = True) -> Iterator[TextRow]:
    r"""Read a table of any size row by row.

    Args:
        path: Path of the table; its extension is its format. A `.csv` may have commas, semicolons, tabs or bars.
        columns: Columns of the sentences and classes.
        labeled: Whether to read a column of classes, which must exist then.

    Raises:
        InputError: If the file or a column is missing, a row is malformed or has no class, or a character cannot be
            read; names the line and says how to fix it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = path.write_text('text,label\n"hello, you",greet\n')
        >>> [(row.line, row.text, row.label) for row in read_rows(path, Columns())]
        [(2, 'hello, you', 'greet')]
    """
    with open_file(path) as file:
        lines = TableLines(file, path, columns.encoding)
        if not is_delimited(path):
            yield from _json_rows(lines, columns, labeled)
        else:
            names, delimiter = read_header(lines)
            yield from _body(lines, names, delimiter, _chosen(path, names, columns, labeled))


def column_names(path: Path, encoding: str = "utf-8") -> tuple[str, ...]:
    r"""Read the names of a table's columns; for JSON lines, the keys of the first line.

    Args:
        path: Path of the table.
        encoding: Encoding of the file.

    Raises:
        InputError: If it cannot be read or is empty.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = path.write_text("text,label\nhello,greet\n")
        >>> column_names(path)
        ('text', 'label')
    """
    with open_file(path) as file:
        lines = TableLines(file, path, encoding)
        return tuple(read_header(lines)[0] if is_delimited(path) else _json_names(lines))


def resolve_columns(path: Path, columns: Columns) -> Columns:
    """Find out which columns are read, and return their names.

    Raises:
        InputError: If one is missing.
    """
    with open_file(path) as file:
        lines = TableLines(file, path, columns.encoding)
        if not is_delimited(path):
            return _chosen(path, _json_names(lines), columns)
        return _chosen(path, read_header(lines)[0], columns)


class TextsOnDisk(Sequence[str]):
    """Sentences of a table that is too large for memory, read from the file on access.

    Args:
        path: Path of the table.
        columns: Columns, see `read_rows`.
        offsets: Offset of each row, as returned by `read_rows`.
    """

    def __init__(self, path: Path, columns: Columns, offsets: Sequence[int]) -> None:
        self.path, self.columns, self.offsets = path, resolve_columns(path, columns), offsets
        self.stamp = _stamp(path)
        self.header: Header | None = None
        if is_delimited(path):
            with open_file(path) as file:
                self.header = read_header(TableLines(file, path, columns.encoding))

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an integer or a slice
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if _stamp(self.path) != self.stamp:
            raise InputError(f"{self.path}: was changed while it was in use; start again")
        with open_file(self.path) as file:
            file.seek(self.offsets[index])
            lines = TableLines(file, self.path, self.columns.encoding)
            if self.header is None:
                return next(_json_rows(lines, self.columns)).text
            names, delimiter = self.header
            return next(_body(lines, names, delimiter, self.columns)).text


def is_delimited(path: Path) -> bool:
    """Whether a table has delimited cells, and not a JSON object a line.

    Example:
        >>> is_delimited(Path("faq.tsv")), is_delimited(Path("faq.jsonl"))
        (True, False)
    """
    return path.suffix.lower() in DELIMITED


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return state.st_size, state.st_mtime_ns


def _body(lines: TableLines, names: list[str], delimiter: str, columns: Columns) -> Iterator[TextRow]:
    text, label, group = (
        None if name is None else names.index(name) for name in (columns.text, columns.label, columns.group)
    )
    while True:
        line, offset = lines.number + 1, lines.offset
        where = f"{lines.path}: line {line}"
        values = read_cells(lines, delimiter, where)
        if values is None:
            return
        if not any(value.strip() for value in values):  # an empty row
            continue
        if len(values) != len(names):
            raise InputError(
                f"{where}: {len(values)} columns, but the header has {len(names)}; put texts that contain "
                f"'{delimiter}' in quotes"
            )
        cells = ["" if index is None else values[index] for index in (text, label, group)]
        yield _row(where, line, cells, offset, labeled=label is not None)


def read_cells(lines: TableLines, delimiter: str, where: str) -> list[str] | None:
    """The cells of the next row; None at the end.

    Args:
        lines: Lines of the table.
        delimiter: What separates cells.
        where: File and line, for errors.

    Raises:
        InputError: If quotes are wrong.
    """
    first = next(lines, None)
    if first is None:
        return None
    if '"' not in first:
        return first.rstrip("\r\n").split(delimiter)
    try:
        return next(csv.reader(chain([first], lines), delimiter=delimiter, strict=True))
    except csv.Error as error:
        # Many programs write tables with tabs without quoting anything.
        if delimiter == "\t" and "expected after" in str(error):
            return first.rstrip("\r\n").split(delimiter)
        raise InputError(f"{where}: {explain(error)}") from None


def _json_rows(lines: TableLines, columns: Columns, labeled: bool = True) -> Iterator[TextRow]:
    known: Columns | None = None
    while True:
        line, offset = lines.number + 1, lines.offset
        content = next(lines, None)
        if content is None:
            return
        if not content.strip():
            continue
        where = f"{lines.path}: line {line}"
        values = read_object(content, where)
        known = known or _chosen(lines.path, list(values), columns, labeled)
        wanted = (known.text, known.label, known.group)
        for name in wanted:
            if name is not None and name not in values:
                raise InputError(f"{where}: no '{name}'; {did_you_mean(name, values)}")
        cells = ["" if name is None else values[name] for name in wanted]
        yield _row(where, line, cells, offset, labeled=known.label is not None)


def _json_names(lines: TableLines) -> list[str]:
    for content in lines:
        if content.strip():
            return list(read_object(content, f"{lines.path}: line {lines.number}"))
    raise InputError(f"{lines.path}: is empty; write one JSON object per line")


def read_object(content: str, where: str) -> dict[str, Any]:
    """Read a line of JSON that has to be an object.

    Args:
        content: The line.
        where: File and line, for errors.

    Raises:
        InputError: If it is not JSON, or no object.
    """
    values = parse_json(content, where, finite=False)
    if not isinstance(values, dict):
        raise InputError(f'{where}: not a JSON object; write one per line, such as {{"text": .., "label": ..}}')
    result: dict[str, Any] = values
    return result


def _row(where: str, line: int, values: Sequence[Any], offset: int, labeled: bool) -> TextRow:
    """Check text, label and group, and return them as a row."""
    text, label, group = values
    if text is None:
        text = ""  # as pandas writes what is missing
    if not isinstance(text, str):
        raise InputError(f"{where}: its text is not a string but {type(text).__name__}; write it in quotes")
    text = _whole(text).strip()
    if not text and label is None:
        label = ""
    if not has_type(label, str | int | float) or label != label:
        raise InputError(f"{where}: its class is not a string but {type(label).__name__}; write it in quotes")
    if not has_type(group, str | int):
        raise InputError(f"{where}: its group is not a string but {type(group).__name__}; write it in quotes")
    name = _whole(str(label)).strip()
    if labeled and text and not name:
        raise InputError(f"{where}: no class; write one, or remove the row")
    return TextRow(line, text, name, offset, str(group).strip(), name if isinstance(label, str) else label)


def _whole(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which cut texts of JSON hold and no file can."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _chosen(path: Path, names: list[str], columns: Columns, labeled: bool = True) -> Columns:
    """Names of the columns to read."""
    usual = (*TEXT_NAMES, *PICTURE_NAMES)
    text = _column(path, names, "text", columns.text, usual, alone=not labeled)
    label = _column(path, names, "label", columns.label, LABEL_NAMES, alone=False) if labeled else None
    if text == label:
        raise InputError(f"{path}: '{text}' cannot be both text and label; name two columns")
    for name in (text, label, columns.group):
        if name is not None and names.count(name) > 1:
            raise InputError(f"{path}: {names.count(name)} columns are called '{name}'; rename all but one")
    if columns.group is not None and columns.group not in names:
        raise InputError(f"{path}: no column '{columns.group}'; {did_you_mean(columns.group, names)}")
    return replace(columns, text=text, label=label)


def _column(path: Path, names: list[str], what: str, name: str | None, usual: Sequence[str], alone: bool) -> str:
    """The column of this name; without one, the first with a usual name, or the only column."""
    if name is not None:
        if name not in names:
            raise InputError(f"{path}: no column '{name}'; {did_you_mean(name, names)}")
        return name
    plain = {column.lower(): column for column in names}
    known = [plain[column] for column in usual if column in plain] or (names if alone and len(names) == 1 else [])
    if not known:
        raise InputError(
            f"{path}: which column holds the {'sentences' if what == 'text' else 'classes'}? Name it by "
            f"--{what}-column; columns: {name_list(names)}"
        )
    return known[0]
