"""Read examples from folders, zips, tables, standard input and arrays."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.base import InputError, did_you_mean, note, track
from manyshot.classify.example_set import ExampleSet, Item, Kind, PictureFile
from manyshot.datasets.feature_store import digest_of
from manyshot.datasets.image_folder import SUFFIXES, list_classes
from manyshot.datasets.inputs import CHANNELS, kind_of_input, to_images
from manyshot.datasets.pictures import read_header
from manyshot.datasets.table_reader import Columns, column_names, is_table, read_rows
from manyshot.datasets.text_table import TEXTS, holds_sentences, read_text
from manyshot.datasets.tree import MAX_FILE_BYTES, Parts, Tree, list_tree

__all__ = ["ExampleSet", "examples_from_arrays", "load_examples", "load_unlabelled"]

STDIN = Path("-")


@dataclass(frozen=True)
class Listed:
    """An example before its content is read.

    Args:
        name: What reports call it.
        item: The picture or sentence.
        label: Its class; None if unlabelled.
        group: Its group in a table; None if there is none.
    """

    name: str
    item: Item
    label: str | None = None
    group: str | None = None


def load_examples(
    path: Path | str,
    *,
    columns: Columns | None = None,
    split: str | None = None,
    group_by: str | None = None,
    class_names: Sequence[str] | None = None,
) -> ExampleSet:
    r"""List the labelled examples of a folder, zip or table.

    Pictures or text files lie in a folder a class, at the top or below `train/`, `val/`, `test/`. Tables (CSV, TSV,
    JSONL) have a column of sentences, or of paths of pictures relative to the table, and a column of classes. Every
    example is kept, duplicates too. Pictures are decoded when they are needed.

    Args:
        path: Folder, zip or table.
        columns: Columns of a table; None to guess them by their names.
        split: "train", "validation" or "test", where there are such folders; "train" if None.
        group_by: Regular expression on the path of each example, whose first group (or whole match) names the
            example's group, such as a patient; or the name of a column of the table.
        class_names: Classes that labels refer to, such as those of a model; those that occur, sorted, if None.

    Raises:
        InputError: If the path holds no examples, a file is damaged, a class is not among `class_names`, or without
            `class_names` there are fewer than two classes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "faq.csv"
        >>> _ = path.write_text("text,label,speaker\nhello,greet,ann\nbye,leave,ann\nhi,greet,bob\n")
        >>> examples = load_examples(path, group_by="speaker")
        >>> examples.class_names, examples.names, examples.groups.tolist()
        (('greet', 'leave'), ('row 2', 'row 3', 'row 4'), [0, 0, 1])
    """
    path, columns = Path(path), columns or Columns()
    if is_table(path):
        if split is not None:
            raise InputError(f"{path}: no split '{split}', since it is a table; give the table of that split")
        if group_by in column_names(path, columns.encoding):
            columns, group_by = replace(columns, group=group_by), None
        listed = _table(path, columns, None, labelled=True)
    else:
        _refuse_columns(path, columns)
        texts = holds_sentences(path)
        tree = list_tree(path)
        _, classes = list_classes(tree, split, suffixes=TEXTS if texts else SUFFIXES)
        files = [(label, parts) for label in sorted(classes) for parts in classes[label]]
        listed = [Listed("/".join(parts), _item(tree, parts, columns.encoding), label) for label, parts in files]
    return _collect(str(path), listed, class_names, group_by, labelled=True)


def load_unlabelled(
    paths: Sequence[Path | str], *, kind: Kind | None = None, columns: Columns | None = None
) -> ExampleSet:
    r"""List examples without classes: files, folders (flat or nested), zips, tables, and "-" for standard input.

    A folder is searched to any depth. A table gives its sentences or the pictures that it names. A text file that is
    named itself, and standard input, hold one sentence a line, or one path of a picture a line.

    Args:
        paths: What to list.
        kind: What is wanted, such as a model's kind; told from the files if None.
        columns: Columns of tables; None to guess them by their names.

    Raises:
        InputError: If a path holds no examples or a damaged one, or pictures and sentences are mixed.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new.txt"
        >>> _ = path.write_text("how are you\nsee you\n")
        >>> load_unlabelled([path]).texts([0, 1])
        ['how are you', 'see you']
    """
    several = len(paths) > 1
    listed: list[Listed] = []
    for path in map(Path, paths):
        found = _unlabelled(path, kind, columns or Columns())
        prefix = several and not (path == STDIN or _is_file_of_one(path))
        listed += [replace(one, name=f"{path}/{one.name}") if prefix else one for one in found]
    return _collect(", ".join(map(str, paths)), listed, None, None, labelled=False, kind=kind)


def examples_from_arrays(X: Any, y: Sequence[Any] | NDArray[Any] | None = None) -> ExampleSet:  # noqa: ANN401
    """Examples that Python users hold: arrays, tensors, PIL images, paths of pictures, or sentences.

    Args:
        X: n images as arrays `[n, h, w]` or `[n, h, w, c]`, tensors `[n, c, h, w]` (uint8, or floats from 0 to 1) or
            PIL images; paths of pictures (`pathlib.Path`, or texts that all end like names of pictures); or sentences.
        y: Class of each; None if unlabelled.

    Raises:
        InputError: If X holds vectors, an image has values out of range, or y has another length.

    Example:
        >>> examples = examples_from_arrays(np.zeros((2, 8, 8, 3), dtype=np.uint8), ["cat", "dog"])
        >>> examples.pictures([0, 1], size=16).shape, examples.class_names
        (torch.Size([2, 3, 16, 16]), ('cat', 'dog'))
    """
    items = _array_items(X)
    names = [item.where if isinstance(item, PictureFile) else f"row {number}" for number, item in enumerate(items)]
    if y is None:
        return _collect("X", [Listed(*pair) for pair in zip(names, items, strict=True)], None, None, labelled=False)
    labels = [str(label) for label in np.asarray(y).tolist()] if len(y) else []
    if len(labels) != len(items):
        raise InputError(f"{len(labels)} labels for {len(items)} examples; give one each")
    listed = [Listed(*three) for three in zip(names, items, labels, strict=True)]
    # Numbers are sorted as numbers, though names of classes are texts.
    known = tuple(dict.fromkeys(str(label) for label in np.unique(np.asarray(y)).tolist()))
    return _collect("X", listed, known, None, labelled=True)


def _array_items(X: Any) -> list[Item]:  # noqa: ANN401 - what users hold
    kind = kind_of_input(X)
    if kind == "images":
        images = to_images(X)
        if images.dtype != torch.uint8:
            images = (images * 255).round().to(torch.uint8)
        if images.shape[1] not in CHANNELS:
            raise InputError(f"images of {images.shape[1]} channels; give 1, 3 or 4 (with transparency)")
        return list(images.numpy())
    if kind == "pictures":
        return list(X)
    if kind == "vectors":
        raise InputError("X holds vectors; give images, PIL images, paths of pictures, or sentences")
    texts = list(X)
    if all(isinstance(text, Path) or str(text).lower().endswith(SUFFIXES) for text in texts):
        return [_picture_file(Path(text)) for text in texts]
    return [str(text).strip() for text in texts]


def _refuse_columns(path: Path, columns: Columns) -> None:
    if columns.text or columns.label or columns.group:
        raise InputError(f"{path}: is no table and has no columns; leave their names out")


def _item(tree: Tree, parts: Parts, encoding: str) -> Item:
    """The text or the picture of a file."""
    if parts[-1].lower().endswith(TEXTS):
        return read_text(tree, parts, encoding)
    return PictureFile(tree.describe(parts), partial(tree.read, parts))


def _picture_file(path: Path) -> PictureFile:
    return PictureFile(str(path), partial(read_file, path))


def _table(path: Path, columns: Columns, kind: Kind | None, labelled: bool) -> list[Listed]:
    """The rows of a table: sentences, or pictures where all texts are names of pictures."""
    rows = list(read_rows(path, columns, labelled))
    empty = [row.line for row in rows if not row.text]
    if empty:
        note(f"{path}: {len(empty):,} rows without a text are passed over (the first on line {empty[0]})")
        rows = [row for row in rows if row.text]
    if kind is None:
        kind = "pictures" if rows and all(row.text.lower().endswith(SUFFIXES) for row in rows) else "sentences"
    listed = []
    for row in rows:
        group = row.group if columns.group else None
        if kind == "sentences":
            listed.append(Listed(f"row {row.line}", row.text, row.label or None, group))
            continue
        picture = path.parent / row.text
        if not picture.is_file():
            raise InputError(f"{path}: line {row.line}: no file {picture}; give paths relative to the table")
        listed.append(Listed(row.text, _picture_file(picture), row.label or None, group))
    return listed


def _is_file_of_one(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def _unlabelled(path: Path, kind: Kind | None, columns: Columns) -> list[Listed]:
    """The examples at one path."""
    if path == STDIN:
        return _lines(sys.stdin.read().splitlines(), "standard input", kind)
    if is_table(path):
        return _table(path, columns, kind, labelled=False)
    if _is_file_of_one(path):
        return [Listed(str(path), _picture_file(path))]
    if path.name.lower().endswith(TEXTS):
        return _lines(_decoded(path, columns.encoding).splitlines(), str(path), kind)
    _refuse_columns(path, columns)
    tree = list_tree(path)
    suffixes = {"pictures": SUFFIXES, "sentences": TEXTS, None: (*SUFFIXES, *TEXTS)}[kind]
    files = [parts for parts in tree.files if parts[-1].lower().endswith(suffixes)]
    left = len(tree.files) - len(files)
    if left and files:
        note(f"{path}: {left:,} other files are left out")
    return [Listed("/".join(parts), _item(tree, parts, columns.encoding)) for parts in files]


def _lines(lines: Sequence[str], where: str, kind: Kind | None) -> list[Listed]:
    """Sentences, or paths of pictures, one a line; empty lines are passed over."""
    found = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if kind is None:
        kind = "pictures" if found and all(line.lower().endswith(SUFFIXES) for _, line in found) else "sentences"
    if kind == "sentences":
        return [Listed(f"row {number}", line) for number, line in found]
    for number, line in found:
        if not Path(line).is_file():
            raise InputError(f"{where}: line {number}: no file {line}; give a path of a picture a line")
    return [Listed(line, _picture_file(Path(line))) for _, line in found]


def _decoded(path: Path, encoding: str) -> str:
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        return read_file(path).decode(codec)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not valid {encoding}; give its encoding") from None


def read_file(path: Path) -> bytes:
    """Read a file of bounded size.

    Raises:
        InputError: If it cannot be read or is too large.
    """
    try:
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path}: no ordinary file of at most {MAX_FILE_BYTES:,} bytes; give another")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give another") from None


def _collect(
    where: str,
    listed: Sequence[Listed],
    class_names: Sequence[str] | None,
    group_by: str | None,
    labelled: bool,
    kind: Kind | None = None,
) -> ExampleSet:
    """Hash and check every example, and number classes and groups."""
    kinds = {"sentences" if isinstance(one.item, str) else "pictures" for one in listed}
    if not listed:
        raise InputError(f"{where}: no {kind or 'pictures or sentences'}; give files, folders or tables that hold some")
    if len(kinds) > 1 or (kind is not None and kinds != {kind}):
        wanted = f"{kind} are wanted" if kind else "pictures and sentences are mixed"
        raise InputError(f"{where}: {wanted}; give {kind or 'one of them'} alone")
    labels, known = np.full(len(listed), -1), tuple(class_names or ())
    if labelled:
        found = [one.label or "" for one in listed]
        known = known or tuple(sorted(set(found)))
        if class_names is None and len(known) < 2:
            raise InputError(f"{where}: one class only ('{found[0]}'); give at least two")
        index = {name: number for number, name in enumerate(known)}
        for one, label in zip(listed, found, strict=True):
            if label not in index:
                raise InputError(f"{where}: '{one.name}' is of class '{label}'; {did_you_mean(label, known)}")
        labels = np.array([index[label] for label in found], dtype=np.int64)
    return ExampleSet(
        kind="sentences" if kinds == {"sentences"} else "pictures",
        items=tuple(one.item for one in listed),
        labels=labels,
        class_names=known,
        names=tuple(one.name for one in listed),
        digests=tuple(_digests(where, listed)),
        groups=_groups(where, listed, group_by),
    )


def _digests(where: str, listed: Sequence[Listed]) -> Iterator[str]:
    """The digest of each example's content; files that are no pictures are found here, before anything slow."""
    files = isinstance(listed[0].item, PictureFile)
    for one in track(listed, f"look at {where}") if files else listed:
        content: Any = one.item
        if isinstance(one.item, PictureFile):
            content = one.item.read()
            read_header(content, one.item.where)
        yield digest_of(content)


def _groups(where: str, listed: Sequence[Listed], group_by: str | None) -> NDArray[np.int64] | None:
    if group_by is not None:
        keys = [_match(where, _pattern(group_by), one.name) for one in listed]
    elif any(one.group is not None for one in listed):
        keys = [one.group or "" for one in listed]
    else:
        return None
    index = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([index[key] for key in keys], dtype=np.int64)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(
            f"group_by='{text}': no regular expression ({error}); write one such as '(patient[0-9]+)'"
        ) from None


def _match(where: str, pattern: re.Pattern[str], name: str) -> str:
    found = pattern.search(name)
    if found is None:
        raise InputError(
            f"{where}: group_by='{pattern.pattern}' does not match '{name}'; give a pattern that matches every path, "
            "or a column of a table"
        )
    return next((part for part in found.groups() if part is not None), found.group())
