"""Load sentences of your own as a source: from a table, or from one folder of text files per class."""

import hashlib
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError, note
from manyshot.datasets.folder_or_zip import PathParts, Tree, open_tree
from manyshot.datasets.table_reader import Columns, TextRow, TextsOnDisk, is_table, read_rows
from manyshot.tasks import Source

IN_MEMORY = 1 << 28
"""Size of the largest table that is kept in memory, in bytes; sentences of larger ones are read when needed."""

TEXTS = (".txt",)
"""File name extensions of text files."""


def holds_sentences(path: Path) -> bool:
    """Whether a path is a table of sentences, or a folder (or zip) with one folder of text files per class.

    Example:
        >>> holds_sentences(Path("faq.csv")), holds_sentences(Path("photos"))
        (True, False)
    """
    if is_table(path):
        return True
    if path.is_dir():
        # Avoids listing large folders of images twice.
        files = (name for _, _, names in os.walk(path) for name in names if not name.startswith("."))
        if not next(files, "").lower().endswith(TEXTS):
            return False
    elif path.suffix.lower() != ".zip":
        return False
    try:
        with open_tree(path) as tree:
            return bool(tree.files) and all(_is_text(parts) for parts in tree.files)
    except InputError:
        return False


def load_sentences(path: Path, columns: Columns, name: str | None = None) -> Source:
    r"""Load the sentences of a table or folder by class.

    Rows without a text and repeated rows are skipped, and a note says how many.

    Args:
        path: Table (see `read_rows`), or folder or zip with one folder of `.txt` files per class, one text per file.
        columns: Columns of the sentences and classes in a table; with `group`, the values of that column become the
            authors of the source.
        name: Name of the source in reports; None for the name of the file.

    Raises:
        InputError: If it cannot be read, a sentence has two classes, or there are fewer than two classes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = path.write_text("text,label\nhello,greet\nbye,leave\n")
        >>> load_sentences(path, Columns()).class_names
        ('greet', 'leave')
    """
    name = name or path.name
    if not is_table(path) and (columns.text or columns.label):
        raise InputError(
            f"{path}: folders of text files have no columns; leave them out (--text-column, --label-column)"
        )
    large = is_table(path) and path.exists() and path.stat().st_size > IN_MEMORY
    rows = read_rows(path, columns) if is_table(path) else _files(path, columns.encoding)
    texts: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    names: dict[str, str] = {}  # one string per class, not one per row
    offsets, lines, digests = array("q"), array("q"), array("Q")
    empty = []
    for row in rows:
        if not row.text:
            empty.append(row.line)
            continue
        if not large:
            texts.append(row.text)
        if columns.group is not None and not row.group:
            raise InputError(f"{path}: line {row.line}: no '{columns.group}' to group by; write one, or remove the row")
        labels.append(names.setdefault(row.label, row.label))
        groups.append(row.group)
        offsets.append(row.offset)
        lines.append(row.line)
        digests.append(int.from_bytes(hashlib.blake2b(row.text.encode(), digest_size=8).digest(), "little"))
    if empty:
        note(f"{path}: {len(empty):,} rows without a text are skipped (the first on line {empty[0]})")
    if not labels:
        raise InputError(f"{path}: no sentences; write one per row, below the names of the columns")
    unique = _without_repeats(path, np.frombuffer(digests, dtype=np.uint64), labels, lines)
    if len(names) < 2:
        hint = "name the column of the classes by --label-column" if is_table(path) else "give two folders or more"
        raise InputError(f"{path}: only one class ('{labels[0]}'); {hint}")
    store: Sequence[str]
    if large:
        store = TextsOnDisk(path, columns, np.frombuffer(offsets, dtype=np.int64)[unique].tolist())
    else:
        store = [texts[index] for index in unique.tolist()]
    authors = None if columns.group is None else [groups[index] for index in unique.tolist()]
    return Source.of(store, [labels[index] for index in unique.tolist()], authors=authors, name=name)


def _without_repeats(
    path: Path, digests: NDArray[np.uint64], labels: Sequence[str], lines: Sequence[int]
) -> NDArray[np.int64]:
    """Indices of the rows that do not repeat an earlier row.

    Raises:
        InputError: If two rows have the same text and different classes.
    """
    order = np.argsort(digests, kind="stable")
    again = np.flatnonzero(digests[order][1:] == digests[order][:-1]) + 1
    for index in again.tolist():
        before, after = int(order[index - 1]), int(order[index])
        if labels[before] != labels[after]:
            raise InputError(
                f"{path}: line {lines[after]} is of class '{labels[after]}', and line {lines[before]} has the same "
                f"text in class '{labels[before]}'; decide on one"
            )
    if len(again):
        note(f"{path}: {len(again):,} repeated rows are skipped (one on line {lines[int(order[again].min())]})")
    unique = np.ones(len(digests), dtype=bool)
    unique[order[again]] = False
    return np.flatnonzero(unique).astype(np.int64)


def _is_text(parts: tuple[str, ...]) -> bool:
    return len(parts) >= 2 and parts[-1].lower().endswith(TEXTS)


def _files(path: Path, encoding: str) -> Iterator[TextRow]:
    """Yield each text file of a folder or zip as a row; its folder is its class."""
    with open_tree(path) as tree:
        for number, parts in enumerate(tree.files, start=1):
            if not _is_text(parts):
                raise InputError(f"{tree.describe(parts)}: not a text file of a class; give only CLASS/*.txt")
            yield TextRow(number, read_text(tree, parts, encoding), parts[-2], 0)


def read_text(tree: Tree, parts: PathParts, encoding: str) -> str:
    """Read a text file of a folder or zip, without space at its ends.

    Args:
        tree: Folder or zip that holds it.
        parts: Its path in there.
        encoding: Encoding, such as "utf-8" (with or without a byte order mark).

    Raises:
        InputError: If it is not valid in this encoding.
    """
    return decode_text(tree.read(parts), tree.describe(parts), encoding).strip()


def decode_text(data: bytes, where: str, encoding: str) -> str:
    r"""Decode the content of a text file.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.
        encoding: Encoding, such as "utf-8" (with or without a byte order mark).

    Raises:
        InputError: If it is not valid in this encoding.

    Example:
        >>> decode_text(b"\xef\xbb\xbfhello", "hello.txt", "utf-8")
        'hello'
    """
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: byte {error.start} is not valid {encoding}; give the encoding, such as gb18030 (--encoding)"
        ) from None
