"""A person's own sentences as a source: a table, or a folder of text files a class."""

import hashlib
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError, note
from manyshot.datasets.table_reader import Columns, TextRow, TextsOnDisk, is_table, read_rows
from manyshot.datasets.tree import Parts, Tree, open_tree
from manyshot.tasks import Source

IN_MEMORY = 1 << 28
"""Bytes of a table up to which its sentences stay in memory; those of a larger one are read when they are needed."""


TEXTS = (".txt",)
"""What the name of a text file ends with."""


def holds_sentences(path: Path) -> bool:
    """Whether a path is a table of sentences, or a folder (or zip) with a folder of text files a class.

    Example:
        >>> holds_sentences(Path("faq.csv")), holds_sentences(Path("photos"))
        (True, False)
    """
    if is_table(path):
        return True
    if path.is_dir():
        # Large folders of pictures need not be listed twice to see that they hold none.
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
    r"""The sentences of a table or folder by class.

    Rows without a text are passed over, and so are repeated rows, with a note that tells how many.

    Args:
        path: a table (see `read_rows`), or a folder or zip with a folder of `.txt` files a class, one text a file.
        columns: where a table has sentences and classes.
        name: what reports call it; the file's name if None.

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
    names: dict[str, str] = {}  # one string a class, not one a row
    offsets, lines, digests = array("q"), array("q"), array("Q")
    empty = []
    for row in rows:
        if not row.text:
            empty.append(row.line)
            continue
        if not large:
            texts.append(row.text)
        labels.append(names.setdefault(row.label, row.label))
        offsets.append(row.offset)
        lines.append(row.line)
        digests.append(int.from_bytes(hashlib.blake2b(row.text.encode(), digest_size=8).digest(), "little"))
    if empty:
        note(f"{path}: {len(empty):,} rows without a text are passed over (the first on line {empty[0]})")
    if not labels:
        raise InputError(f"{path}: no sentences; write one a row, below the names of the columns")
    kept = _without_repeats(path, np.frombuffer(digests, dtype=np.uint64), labels, lines)
    if len(names) < 2:
        mend = "name the column of the classes by --label-column" if is_table(path) else "give two folders or more"
        raise InputError(f"{path}: one class only ('{labels[0]}'); {mend}")
    store: Sequence[str]
    if large:
        store = TextsOnDisk(path, columns, np.frombuffer(offsets, dtype=np.int64)[kept].tolist())
    else:
        store = [texts[place] for place in kept.tolist()]
    return Source.of(store, [labels[place] for place in kept.tolist()], name=name)


def _without_repeats(
    path: Path, digests: NDArray[np.uint64], labels: Sequence[str], lines: Sequence[int]
) -> NDArray[np.int64]:
    """The places of rows that no earlier row equals.

    Raises:
        InputError: If two rows have the same text and different classes.
    """
    order = np.argsort(digests, kind="stable")
    again = np.flatnonzero(digests[order][1:] == digests[order][:-1]) + 1
    for place in again.tolist():
        before, after = int(order[place - 1]), int(order[place])
        if labels[before] != labels[after]:
            raise InputError(
                f"{path}: line {lines[after]} is of class '{labels[after]}', and line {lines[before]} has the same "
                f"text in class '{labels[before]}'; decide on one"
            )
    if len(again):
        note(f"{path}: {len(again):,} repeated rows are passed over (one on line {lines[int(order[again].min())]})")
    kept = np.ones(len(digests), dtype=bool)
    kept[order[again]] = False
    return np.flatnonzero(kept).astype(np.int64)


def _is_text(parts: tuple[str, ...]) -> bool:
    return len(parts) >= 2 and parts[-1].lower().endswith(TEXTS)


def _files(path: Path, encoding: str) -> Iterator[TextRow]:
    """The text files of a folder or zip, each as a row; its class is the folder it lies in."""
    with open_tree(path) as tree:
        for number, parts in enumerate(tree.files, start=1):
            if not _is_text(parts):
                raise InputError(f"{tree.describe(parts)}: no text file of a class; give class/*.txt alone")
            yield TextRow(number, read_text(tree, parts, encoding), parts[-2], 0)


def read_text(tree: Tree, parts: Parts, encoding: str) -> str:
    """The text of a file, without space at its ends.

    Args:
        tree: the folder or zip that holds it.
        parts: its path in there.
        encoding: of its letters, such as "utf-8" (with or without a byte order mark).

    Raises:
        InputError: If a letter cannot be read.
    """
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        return tree.read(parts).decode(codec).strip()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{tree.describe(parts)}: byte {error.start} is not valid {encoding}; give the encoding, such as "
            "gb18030 (--encoding)"
        ) from None
