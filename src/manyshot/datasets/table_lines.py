"""The lines of a table as text, and its header: encoding, ends of lines, delimiter and names of columns."""

import codecs
import csv
import re
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

from manyshot.base import InputError, read_line
from manyshot.base.read_files import MAX_LINE

DELIMITERS = ",;\t|"
"""What may separate the cells of a `.csv`; the one that gives the most columns does."""
MOST_HEADER_LINES = 100
"""Lines that a header may have, whose names are quoted and hold line ends."""
CHUNK = 1 << 16

BROKEN = {
    "unexpected end of data": "a quote that is opened here is never closed; close it, or double quotes inside a text",
    "expected after": "a quote stands inside a quoted text; double it",
    "field larger": "a text of more than 131,072 characters, perhaps from a quote that is never closed; close it, or "
    "shorten the text",
}
"""Errors of Python's CSV reader: part of its message, and our message with the way to fix it."""


class Header(NamedTuple):
    """The header of a table.

    Args:
        names: Names of the columns.
        delimiter: What separates cells.
    """

    names: list[str]
    delimiter: str


class TableLines:
    """Iterate over the lines of a table as text; `number` and `offset` are those of the end of the last line.

    Lines end with LF or CR LF, or with CR alone where the beginning of the file has no LF.

    Args:
        file: File, opened for reading bytes; lines are read from where it stands.
        path: Its path, for errors.
        encoding: Encoding of the file.

    Raises:
        InputError: While iterating, if a line is too long or not in this encoding.
    """

    def __init__(self, file: BufferedIOBase, path: Path, encoding: str) -> None:
        self.file, self.path, self.encoding = file, path, encoding
        self.number, self.offset = 0, file.tell()
        file.seek(0)
        head = file.read(CHUNK)
        file.seek(self.offset)
        self._ends_in_cr = b"\r" in head and b"\n" not in head
        self._rest = b""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._read_to_cr() if self._ends_in_cr else read_line(self.file, self._where())
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
        if self._ends_in_cr:
            raw = raw.removesuffix(b"\r") + b"\n"
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            raise InputError(
                f"{self.path}: line {self.number}: byte {byte:#04x} is not {self.encoding}; name the encoding, "
                "such as --encoding gb18030 or latin-1"
            ) from None

    def _where(self) -> str:
        return f"{self.path}: line {self.number + 1}"

    def _read_to_cr(self) -> bytes:
        while b"\r" not in self._rest:
            more = self.file.read(CHUNK)
            if not more:
                line, self._rest = self._rest, b""
                return line
            self._rest += more
            if len(self._rest) > MAX_LINE:
                raise InputError(f"{self._where()}: longer than {MAX_LINE:,} bytes; give a file of shorter lines")
        line, _, self._rest = self._rest.partition(b"\r")
        return line + b"\r"


def read_header(lines: TableLines) -> Header:
    r"""Read the header of a delimited table, and find out what separates its cells.

    Tabs separate those of `.tsv` and `.tab`; in a `.csv` it is the one of `DELIMITERS` that gives the most columns,
    or what a first line such as `sep=;` names.

    Args:
        lines: Lines of the table, of which none has been read.

    Raises:
        InputError: If the table is empty, quotes are wrong, or two columns have the same name.

    Example:
        >>> import io
        >>> read_header(TableLines(io.BytesIO(b'"text, as typed";label\n'), Path("faq.csv"), "utf-8"))
        Header(names=['text, as typed', 'label'], delimiter=';')
    """
    delimiters = "\t" if lines.path.suffix.lower() in (".tsv", ".tab") else DELIMITERS
    first = next(lines, "")
    named = re.fullmatch(r"sep=(.)\r?\n?", first, re.IGNORECASE)
    if named:
        delimiters, first = named[1], next(lines, "")
    if not first.strip():
        raise InputError(f"{lines.path}: is empty; the first line must name the columns")
    record = [first]
    while "".join(record).count('"') % 2 and len(record) < MOST_HEADER_LINES:
        more = next(lines, None)
        if more is None:
            break
        record.append(more)
    best, fault = Header([], ""), ""
    for delimiter in delimiters:
        try:
            names = next(csv.reader(record, delimiter=delimiter, strict=True))
        except csv.Error as error:
            fault = fault or explain(error)
            continue
        if len(names) > len(best.names):
            best = Header([" ".join(name.split()) for name in names], delimiter)
    if not best.names:
        raise InputError(f"{lines.path}: line 1: {fault}")
    return best


def explain(error: csv.Error) -> str:
    """What is wrong with a row, and how to fix it.

    Args:
        error: Error of Python's CSV reader.
    """
    return next((words for part, words in BROKEN.items() if part in str(error)), str(error))
