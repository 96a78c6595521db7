"""List the files of a folder or zip, the rows of a table, or the lines of a text as examples."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from manyshot.base import InputError, did_you_mean, note
from manyshot.classify.examples.example_set import Item, Kind, PictureFile, ScanItem, SoundFile
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES, ItemFile, PathParts, Tree, list_tree
from manyshot.datasets.group_names import match_groups
from manyshot.datasets.image_folder import SUFFIXES, list_classes
from manyshot.datasets.load_volumes import check_classes, patients_of
from manyshot.datasets.nifti import is_nifti
from manyshot.datasets.recordings import holds_recordings
from manyshot.datasets.sound_files import SOUNDS
from manyshot.datasets.table_reader import Columns, TextRow, column_names, is_table, read_rows
from manyshot.datasets.text_table import TEXTS, decode_text, holds_sentences, read_text
from manyshot.datasets.volume_folder import ScanFile, holds_scans, is_one_scan, list_scans, read_path, read_scan
from manyshot.datasets.window import DEFAULT_WINDOW, parse_window

STDIN = Path("-")
DEFAULT = parse_window(DEFAULT_WINDOW)
"""Window of scans if none is given."""


@dataclass(frozen=True)
class Listed:
    """An example before its content is hashed.

    Args:
        name: What reports call it.
        item: The picture or sentence.
        label: Its class; None if unlabeled.
        group: Its group; None if each example is a group of its own.
    """

    name: str
    item: Item
    label: str | None = None
    group: str | None = None


def list_labeled(path: Path, columns: Columns, split: str | None, group_by: str | None) -> list[Listed]:
    """List the examples of a folder or zip with a folder of files per class, or of a table.

    Args:
        path: Folder, zip or table.
        columns: Columns of a table.
        split: Split of a folder; the usual one if None.
        group_by: Regular expression on names, or column of a table.

    Raises:
        InputError: If the path holds no classes, a column or a picture of a table is missing, or a name does not match.
    """
    if not is_table(path):
        _refuse_columns(path, columns)
        tree = list_tree(path)
        if holds_scans(path):
            return _labeled_scans(path, tree, split, group_by)
        suffixes = TEXTS if holds_sentences(path) else SOUNDS if holds_recordings(path) else SUFFIXES
        _, classes = list_classes(tree, split, suffixes=suffixes)
        files = [(label, parts) for label in sorted(classes) for parts in classes[label]]
        listed = [Listed("/".join(parts), _item(tree, parts, columns.encoding), label) for label, parts in files]
        return listed if group_by is None else _grouped(path, listed, group_by)
    if split is not None:
        raise InputError(f"{path}: no split '{split}', since it is a table; give the table of that split")
    names = column_names(path, columns.encoding)
    if group_by is None or group_by in names:
        return _table(path, replace(columns, group=group_by or columns.group), None, labeled=True)
    listed = _table(path, columns, None, labeled=True)
    if not isinstance(listed[0].item, ItemFile):
        raise InputError(f"{path}: no column '{group_by}' to group by; {did_you_mean(group_by, names)}")
    return _grouped(path, listed, group_by)


def list_unlabeled(path: Path, columns: Columns, kind: Kind | None) -> list[Listed]:
    """List the examples of a file, a folder of any depth, a zip, a table or standard input.

    Args:
        path: The path; "-" for standard input.
        columns: Columns of a table.
        kind: What is wanted; told from the files if None.

    Raises:
        InputError: If the path does not exist, or names pictures that do not.
    """
    if path == STDIN:
        return _lines(_standard_input(columns.encoding), "standard input", kind)
    if is_table(path):
        return _table(path, columns, kind, labeled=False)
    if path.name.lower().endswith((*SUFFIXES, *SOUNDS)) and not path.is_dir():
        return [Listed(str(path), item_file(path))]
    if path.name.lower().endswith(TEXTS) and not path.is_dir():
        return _lines(decode_text(_read_file(path), str(path), columns.encoding), str(path), kind)
    _refuse_columns(path, columns)
    if kind in (None, "scans") and holds_scans(path):
        return _unlabeled_scans(path)
    tree = list_tree(path)
    known = {"pictures": SUFFIXES, "sentences": TEXTS, "sounds": SOUNDS, "scans": ()}
    suffixes = (*SUFFIXES, *TEXTS, *SOUNDS) if kind is None else known[kind]
    files = [parts for parts in tree.files if parts[-1].lower().endswith(suffixes)]
    if 0 < len(files) < len(tree.files):
        note(f"{path}: {len(tree.files) - len(files):,} files of other kinds are left out")
    return [Listed("/".join(parts), _item(tree, parts, columns.encoding)) for parts in files]


def item_file(path: Path) -> ItemFile:
    """A picture or a recording that is a file of its own."""
    kind = SoundFile if path.name.lower().endswith(SOUNDS) else PictureFile
    return kind(str(path), partial(_read_file, path))


def _labeled_scans(path: Path, tree: Tree, split: str | None, group_by: str | None) -> list[Listed]:
    """The scans of a folder with a folder per class, and their patients."""
    if split is not None:
        raise InputError(f"{path}: no split '{split}'; scans lie in a folder per class")
    files = list_scans(tree)
    check_classes(files, path)
    items = [_scan(tree, file) for file in files]
    sliced = group_by is None and not any(is_nifti(file.files[0][-1]) for file in files)
    patients = patients_of(path, files, [item.scan().patient if sliced else None for item in items], group_by)
    groups: Sequence[str | None] = patients or [None] * len(files)
    return [
        Listed(f"{file.class_name}/{file.name}", item, file.class_name, group)
        for file, item, group in zip(files, items, groups, strict=True)
    ]


def _unlabeled_scans(path: Path) -> list[Listed]:
    """One scan, or those of a folder."""
    if is_one_scan(path):
        inner = sorted(path.iterdir()) if path.is_dir() else [path]
        item = ScanItem(str(path), lambda: b"".join(map(_read_file, inner)), partial(read_path, path), DEFAULT)
        return [Listed(str(path), item)]
    tree = list_tree(path)
    return [Listed(f"{file.class_name}/{file.name}", _scan(tree, file)) for file in list_scans(tree)]


def _scan(tree: Tree, file: ScanFile) -> ScanItem:
    where = tree.describe(file.files[0] if len(file.files) == 1 else file.files[0][:-1])
    return ScanItem(where, lambda: b"".join(map(tree.read, file.files)), partial(read_scan, tree, file), DEFAULT)


def _refuse_columns(path: Path, columns: Columns) -> None:
    if columns.text or columns.label or columns.group:
        raise InputError(f"{path}: is not a table and has no columns; leave their names out")


def _item(tree: Tree, parts: PathParts, encoding: str) -> Item:
    """The text, the picture or the recording of a file."""
    if parts[-1].lower().endswith(TEXTS):
        return read_text(tree, parts, encoding)
    kind = SoundFile if parts[-1].lower().endswith(SOUNDS) else PictureFile
    return kind(tree.describe(parts), partial(tree.read, parts))


def _table(path: Path, columns: Columns, kind: Kind | None, labeled: bool) -> list[Listed]:
    """The rows of a table: sentences, or files if all texts are names of pictures, or of recordings."""
    rows = list(read_rows(path, columns, labeled))
    empty = [row.line for row in rows if not row.text]
    if empty:
        note(f"{path}: {len(empty):,} rows without a text are left out (the first on line {empty[0]})")
        rows = [row for row in rows if row.text]
    if not rows:
        raise InputError(f"{path}: no rows; write one example per row, below the names of the columns")
    if kind is None:
        kind = _named([row.text for row in rows])
    return [_row(path, row, columns, kind) for row in rows]


def _row(path: Path, row: TextRow, columns: Columns, kind: Kind) -> Listed:
    label, group = row.label or None, row.group if columns.group else None
    if group == "":
        raise InputError(f"{path}: line {row.line}: no '{columns.group}' to group by; write one, or remove the row")
    if kind == "sentences":
        return Listed(f"row {row.line}", row.text, label, group)
    file = path.parent / row.text
    if not file.is_file():
        raise InputError(f"{path}: line {row.line}: no file {file}; give paths relative to the table")
    return Listed(row.text, item_file(file), label, group)


def _named(texts: Sequence[str]) -> Kind:
    """What texts are: names of pictures or of recordings if all of them are, else sentences."""
    suffixes: dict[Kind, tuple[str, ...]] = {"pictures": SUFFIXES, "sounds": SOUNDS}
    for kind, ends in suffixes.items():
        if texts and all(text.lower().endswith(ends) for text in texts):
            return kind
    return "sentences"


def _lines(text: str, where: str, kind: Kind | None) -> list[Listed]:
    """Sentences, or paths of pictures, one per line; empty lines are left out."""
    found = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if kind is None:
        kind = _named([line for _, line in found])
    if kind == "sentences":
        return [Listed(f"row {number}", line) for number, line in found]
    for number, line in found:
        if not Path(line).is_file():
            raise InputError(f"{where}: line {number}: no file {line}; give one path of a picture per line")
    return [Listed(line, item_file(Path(line))) for _, line in found]


def _standard_input(encoding: str) -> str:
    data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"standard input: more than {MAX_FILE_BYTES:,} bytes; give a table or a folder")
    return decode_text(data, "standard input", encoding)


def _read_file(path: Path) -> bytes:
    try:
        if path.exists() and not (path.is_file() and path.stat().st_size <= MAX_FILE_BYTES):
            raise InputError(f"{path}: not a regular file of at most {MAX_FILE_BYTES:,} bytes; give another")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give another") from None


def _grouped(path: Path, listed: Sequence[Listed], group_by: str) -> list[Listed]:
    """The same examples with the group that a regular expression finds in their names."""
    groups = match_groups([one.name for one in listed], group_by, str(path))
    return [replace(one, group=group) for one, group in zip(listed, groups, strict=True)]
