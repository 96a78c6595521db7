"""Read examples from folders, zips, tables, standard input and arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.base import InputError, did_you_mean, track
from manyshot.classify.examples.example_set import ExampleSet, Item, Kind, PictureFile, ScanItem, SoundFile
from manyshot.classify.examples.list_examples import Listed, item_file, list_labeled, list_unlabeled
from manyshot.datasets.feature_store import digest_of
from manyshot.datasets.folder_or_zip import ItemFile
from manyshot.datasets.image_folder import SUFFIXES
from manyshot.datasets.inputs import CHANNELS, kind_of_input, to_images
from manyshot.datasets.pictures import read_header
from manyshot.datasets.sound_files import SOUNDS
from manyshot.datasets.table_reader import Columns
from manyshot.datasets.window import Window, parse_window
from manyshot.datasets.windowed_pictures import through_window

__all__ = ["ExampleSet", "examples_from_arrays", "load_examples", "load_unlabeled"]


def load_examples(
    path: Path | str,
    *,
    columns: Columns | None = None,
    split: str | None = None,
    group_by: str | None = None,
    class_names: Sequence[str] | None = None,
    window: str | None = None,
) -> ExampleSet:
    r"""List the labeled examples of a folder, zip or table.

    Pictures, scans or text files lie in a folder a class, at the top or (but scans) below `train/`, `val/`, `test/`.
    Tables (CSV, TSV, JSONL) have a column of sentences, or of paths of pictures relative to the table, and a column of
    classes. Every example is kept, duplicates too. Pictures and scans are decoded when they are needed.

    Args:
        path: Folder, zip or table.
        columns: Columns of a table; None to guess them by their names.
        split: "train", "validation" or "test", where there are such folders; "train" if None.
        group_by: Regular expression on the path of each example, whose first group (or whole match) names the
            example's group, such as a patient; or the name of a column of the table.
        class_names: Classes that labels refer to, such as those of a model; those that occur, sorted, if None.
        window: Which gray values become black and white, such as "percentile(0.5, 99.5)", "minmax" or "lung"; the range
            of the bits that a picture uses, and "percentile(0.5, 99.5)" of scans, if None.

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
    path = Path(path).expanduser()
    listed = list_labeled(path, columns or Columns(), split, group_by)
    return _collect(str(path), _windowed(listed, window), None if class_names is None else tuple(class_names))


def load_unlabeled(
    paths: Sequence[Path | str],
    *,
    kind: Kind | None = None,
    columns: Columns | None = None,
    window: str | None = None,
) -> ExampleSet:
    r"""List examples without classes: files, folders (flat or nested), zips, tables, and "-" for standard input.

    A folder is searched to any depth. A table gives its sentences or the pictures that it names. A text file that is
    named itself, and standard input, hold one sentence a line, or one path of a picture a line.

    Args:
        paths: What to list.
        kind: What is wanted, such as a model's kind; told from the files if None.
        columns: Columns of tables; None to guess them by their names.
        window: Which gray values of pictures become black and white, such as that of a model's fit.

    Raises:
        InputError: If a path holds no examples or a damaged one, or pictures and sentences are mixed.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new.txt"
        >>> _ = path.write_text("how are you\nsee you\n")
        >>> load_unlabeled([path]).texts([0, 1])
        ['how are you', 'see you']
    """
    found = {str(path): list_unlabeled(Path(path).expanduser(), columns or Columns(), kind) for path in paths}
    listed = [
        one if len(found) == 1 else replace(one, name=_full_name(path, one))
        for path, members in found.items()
        for one in members
    ]
    kinds = {_kind(one.item) for one in listed}
    where = ", ".join(found) or "no path"
    if not listed:
        raise InputError(
            f"{where}: no {kind or 'pictures, sentences or recordings'} there; give files, folders or tables of some"
        )
    if len(kinds) > 1:
        raise InputError(
            f"{where}: holds examples of several kinds ({', '.join(sorted(kinds))}); give only one of them"
        )
    if kind not in (None, *kinds):
        raise InputError(f"{where}: holds {kinds.pop()}, not {kind}; give {kind}")
    return _collect(where, _windowed([replace(one, label=None) for one in listed], window), ())


def examples_from_arrays(X: Any, y: Sequence[Any] | NDArray[Any] | None = None) -> ExampleSet:  # noqa: ANN401
    """Examples that Python users hold: arrays, tensors, PIL images, paths of pictures, or sentences.

    Args:
        X: Images, n of them, as arrays `[n, h, w]` or `[n, h, w, c]`, tensors `[n, c, h, w]` (uint8, or floats from 0
            to 1) or PIL images; paths of pictures (`pathlib.Path`, or texts that all end like names of pictures); or
            sentences.
        y: Class of each; None if unlabeled.

    Raises:
        InputError: If X holds vectors, an image has values out of range, or y has another length.

    Example:
        >>> examples = examples_from_arrays(np.zeros((2, 8, 8, 3), dtype=np.uint8), ["cat", "dog"])
        >>> examples.pictures([0, 1], size=16).shape, examples.class_names
        (torch.Size([2, 3, 16, 16]), ('cat', 'dog'))
    """
    items = _array_items(X)
    names = [item.where if isinstance(item, ItemFile) else f"row {number}" for number, item in enumerate(items)]
    if y is None:
        return _collect("X", [Listed(*pair) for pair in zip(names, items, strict=True)], ())
    if len(y) != len(items):
        raise InputError(f"y: {len(y)} labels for {len(items)} examples; give one each")
    if np.ndim(y) != 1:
        raise InputError(f"y of shape {list(np.shape(y))}: give one class per example")
    labels = [str(label) for label in np.asarray(y).tolist()]
    listed = [Listed(*three) for three in zip(names, items, labels, strict=True)]
    # Numbers are sorted as numbers, though names of classes are texts.
    return _collect("X", listed, tuple(dict.fromkeys(str(label) for label in np.unique(np.asarray(y)).tolist())))


def _windowed(listed: Sequence[Listed], window: str | None) -> Sequence[Listed]:
    """The same examples, whose pictures or scans are read through a window."""
    if window is None:
        return listed
    chosen = parse_window(window)

    return [replace(one, item=_through(one.item, chosen)) for one in listed]


def _through(item: Item, window: Window) -> Item:
    if isinstance(item, ScanItem):
        return replace(item, window=window)
    if not isinstance(item, PictureFile):
        raise InputError(
            f"window '{window.text}': these are no files of pictures or scans; leave window (--window) out"
        )
    return PictureFile(item.where, lambda: through_window(item.read(), item.where, window))


def _array_items(X: Any) -> list[Item]:  # noqa: ANN401 - what users hold
    kind = kind_of_input(X)
    if kind == "images":
        whole = isinstance(X, np.ndarray | torch.Tensor)
        return _image_arrays(X) if whole else [_image_arrays(image[None])[0] for image in X]
    if kind == "pictures":
        return list(X)
    texts = [] if kind == "vectors" else list(X)
    if not texts or not all(isinstance(text, str | Path) for text in texts):
        raise InputError("X is empty or holds vectors; give images, PIL images, paths of pictures, or sentences")
    names = [str(text).lower() for text in texts]
    if all(isinstance(text, Path) for text in texts) or any(
        all(n.endswith(e) for n in names) for e in (SUFFIXES, SOUNDS)
    ):
        return [item_file(Path(text)) for text in texts]
    return [str(text).strip() for text in texts]


def _image_arrays(X: Any) -> list[Item]:  # noqa: ANN401 - an array or a tensor
    images = to_images(X)
    if images.shape[1] not in CHANNELS:
        raise InputError(f"images of {images.shape[1]} channels; give 1, 3 or 4 (with transparency)")
    return list((images if images.dtype == torch.uint8 else (images * 255).round().to(torch.uint8)).numpy())


def _full_name(path: str, one: Listed) -> str:
    """The name of an example where there are several paths."""
    return one.item.where if isinstance(one.item, ItemFile) else f"{path}: {one.name}"


def _kind(item: Item) -> Kind:
    if isinstance(item, SoundFile):
        return "sounds"
    if isinstance(item, ScanItem):
        return "scans"
    return "sentences" if isinstance(item, str) else "pictures"


def _collect(where: str, listed: Sequence[Listed], class_names: tuple[str, ...] | None) -> ExampleSet:
    """Hash and check every example, and number classes and groups.

    Args:
        where: Name of the whole in error messages.
        listed: At least one example; all are of one kind.
        class_names: Classes that labels refer to; None for those that occur, of which there have to be two.
    """
    labels = [one.label for one in listed]
    known = tuple(sorted({label for label in labels if label is not None})) if class_names is None else class_names
    if class_names is None and len(known) < 2:
        raise InputError(f"{where}: one class only ('{known[0]}'); give at least two")
    index = {name: number for number, name in enumerate(known)}
    for one in listed:
        if one.label is not None and one.label not in index:
            raise InputError(
                f"{where}: '{one.name}' has the unknown class '{one.label}'; {did_you_mean(one.label, known)}"
            )
    groups = [one.group for one in listed]
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return ExampleSet(
        kind=_kind(listed[0].item),
        items=tuple(one.item for one in listed),
        labels=np.array([-1 if label is None else index[label] for label in labels], dtype=np.int64),
        class_names=known,
        names=tuple(one.name for one in listed),
        digests=tuple(_digests(where, listed)),
        groups=None if None in numbers else np.array([numbers[group] for group in groups], dtype=np.int64),
    )


def _digests(where: str, listed: Sequence[Listed]) -> Iterator[str]:
    """The digest of each example's content; files that are not pictures are found here, before anything slow."""
    files = isinstance(listed[0].item, ItemFile)
    for one in track(listed, f"read {where}") if files else listed:
        content: Any = one.item
        if isinstance(one.item, ItemFile):
            content = one.item.content() if isinstance(one.item, ScanItem) else one.item.read()
        if isinstance(one.item, PictureFile):
            read_header(content, one.item.where)
        yield digest_of(content)
