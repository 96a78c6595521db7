"""Tables of pictures: a row has the path of a picture, its class, and perhaps the patient whose it is."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from manyshot.base import InputError
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES, PathParts, Tree
from manyshot.datasets.image_folder import SUFFIXES, fill
from manyshot.datasets.pixel_cache import cached_source
from manyshot.datasets.table_reader import Columns, TextRow, is_table, read_rows
from manyshot.datasets.window import parse_window
from manyshot.datasets.windowed_pictures import windowed_tree
from manyshot.tasks import Source
from manyshot.tasks.names import numbered


def holds_picture_paths(path: Path, columns: Columns | None = None) -> bool:
    """Whether the first row of a table names a picture rather than holding a sentence.

    Args:
        path: Any path.
        columns: Columns of the table; guessed by their names if None.

    Example:
        >>> holds_picture_paths(Path("photos"))
        False
    """
    if not is_table(path) or not path.is_file():
        return False
    try:
        first = next(iter(read_rows(path, columns or Columns())), None)
    except InputError:
        return False  # whoever reads the table says what is wrong
    return first is not None and first.text.lower().endswith(SUFFIXES)


def load_picture_table(
    path: Path,
    columns: Columns,
    size: int | None = None,
    color: bool | None = None,
    window: str | None = None,
) -> Source:
    """Load the pictures that the rows of a table name.

    Args:
        path: Table with a column of paths, relative to its folder, and one of classes.
        columns: Its columns; with `group`, the values of that column become the authors of the source.
        size: Height and width in pixels, see `load_folder`.
        color: Three channels or one, see `load_folder`.
        window: Which gray values become black and white, see `load_folder`.

    Returns:
        A source of uint8 images `[n, c, size, size]`; the pictures of a class are in the order of the rows.

    Raises:
        InputError: If a picture is missing or damaged, a row has no class or no group, or there is only one class.
    """
    rows = sorted(_rows(path, columns), key=lambda row: row.label)
    classes: dict[str, list[PathParts]] = {}
    for row in rows:
        classes.setdefault(row.label, []).append(Path(row.text).parts)
    if len(classes) < 2:
        raise InputError(f"{path}: only one class; name the column of the classes by --label-column")
    tree = windowed_tree(_tree(path, [parts for members in classes.values() for parts in members]), window)
    key = {
        "path": str(path.resolve()),
        "rows": [[row.text, row.label] for row in rows],
        "size": size,
        "color": color,
        "stamp": tree.stamp,
        "depth": "used",
    } | ({} if window is None else {"window": parse_window(window).text})
    source = cached_source(path.name, key, lambda allocate: fill(tree, classes, size, color, allocate))
    if columns.group is None:
        return source
    author_names, authors = numbered([row.group for row in rows])
    return replace(source, authors=authors, author_names=author_names)


def _rows(path: Path, columns: Columns) -> Iterator[TextRow]:
    for row in read_rows(path, columns):
        if not row.text.lower().endswith(SUFFIXES):
            raise InputError(f"{path}: line {row.line}: '{row.text[:40]}' is no picture, as others are; remove the row")
        if columns.group is not None and not row.group:
            raise InputError(f"{path}: line {row.line}: no '{columns.group}' to group by; write one, or remove the row")
        if not (path.parent / row.text).is_file():
            raise InputError(
                f"{path}: line {row.line}: no file {path.parent / row.text}; give paths relative to the table"
            )
        yield row


def _tree(path: Path, files: list[PathParts]) -> Tree:
    """The pictures as a tree below the table's folder."""
    stamp = hashlib.sha256()
    for parts in files:
        state = path.parent.joinpath(*parts).stat()
        stamp.update(repr((parts, state.st_size, state.st_mtime_ns)).encode())

    def read(parts: PathParts) -> bytes:
        file = path.parent.joinpath(*parts)
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{file}: more than {MAX_FILE_BYTES:,} bytes; make it smaller")
        return file.read_bytes()

    return Tree(path.parent, tuple(files), (), stamp.hexdigest(), read)
