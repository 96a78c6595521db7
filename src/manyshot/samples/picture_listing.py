"""The pictures of a folder of millions as lines of a file, shuffled, so that memory stays flat."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from manyshot.base import InputError, write_aside
from manyshot.datasets.folder_or_zip import is_hidden
from manyshot.datasets.image_folder import SUFFIXES

Picture = tuple[int, str]
"""Index of a picture's class, and its path below the folder, "cat/tom.png"."""


def class_folders(root: Path) -> tuple[str, ...]:
    """Names of the folders in a folder, sorted.

    Args:
        root: Folder with a folder of pictures per class.

    Raises:
        InputError: If it is no folder, cannot be read, or holds no folders.

    Example:
        >>> class_folders(Path("/nowhere"))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: /nowhere: no such folder; shards are written from a folder with a folder of \
pictures per class
    """
    if not root.is_dir():
        hint = "shards are written from a folder with a folder of pictures per class"
        raise InputError(f"{root}: {'not a folder' if root.exists() else 'no such folder'}; {hint}")
    names = tuple(sorted(name for name, is_folder in _entries(root) if is_folder))
    if not names:
        raise InputError(f"{root}: no class folders; give a folder with a folder of pictures per class")
    return names


def list_pictures(root: Path, classes: tuple[str, ...]) -> Iterator[Picture]:
    """The pictures directly in each class folder, sorted; the names of one folder at a time are in memory.

    Args:
        root: Folder with a folder of pictures per class.
        classes: Names of the class folders.

    Raises:
        InputError: If a class folder holds folders instead of pictures, or cannot be read.
    """
    for label, name in enumerate(classes):
        entries = sorted(_entries(root / name))
        pictures = [file for file, is_folder in entries if not is_folder and file.lower().endswith(SUFFIXES)]
        if not pictures and any(is_folder for _, is_folder in entries):
            raise InputError(f"{root / name}: holds folders and no pictures; name the folder above the classes")
        for file in pictures:
            yield label, f"{name}/{file}"


def write_listing(root: Path, classes: tuple[str, ...], path: Path, seed: int) -> int:
    """Write a line of JSON for each picture, in an order that depends on the seed alone.

    Memory: 16 bytes a picture, and the names of the largest class.

    Args:
        root: Folder with a folder of pictures per class.
        classes: Names of the class folders.
        path: File to write; `read_listing` reads it.
        seed: Seed of the order.

    Returns:
        The number of pictures.

    Raises:
        InputError: If there are none.
    """
    with tempfile.TemporaryFile(dir=path.parent) as in_order:
        starts = [0]
        for picture in list_pictures(root, classes):
            starts.append(starts[-1] + in_order.write(json.dumps(picture).encode() + b"\n"))
        if len(starts) == 1:
            raise InputError(f"{root}: no pictures in its folders ({', '.join(SUFFIXES)})")
        order = np.random.default_rng([seed, len(starts)]).permutation(len(starts) - 1)
        offsets = np.asarray(starts, np.int64)
        with write_aside(path) as aside, aside.open("wb") as shuffled:
            for number in order:
                in_order.seek(offsets[number])
                shuffled.write(in_order.read(int(offsets[number + 1] - offsets[number])))
    return len(order)


def shard_offsets(path: Path, pictures: int) -> tuple[int, ...]:
    """Where each shard's lines begin in a listing.

    Args:
        path: The listing.
        pictures: Number of pictures of a shard; the last one may have fewer.
    """
    offsets, position = [], 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            if number % pictures == 0:
                offsets.append(position)
            position += len(line)
    return tuple(offsets)


def read_listing(path: Path, offset: int, pictures: int) -> Iterator[Picture]:
    r"""The pictures from an offset on, at most as many as asked for.

    Args:
        path: The listing.
        offset: Where the first line begins.
        pictures: Number of pictures.

    Example:
        >>> import tempfile
        >>> listing = Path(tempfile.mkdtemp()) / "pictures.jsonl"
        >>> _ = listing.write_text('[0, "cat/tom.png"]\n[1, "dog/rex.png"]\n')
        >>> list(read_listing(listing, 19, 5))
        [(1, 'dog/rex.png')]
    """
    with path.open("rb") as lines:
        lines.seek(offset)
        for _, line in zip(range(pictures), lines, strict=False):
            label, file = json.loads(line)
            yield label, file


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """Names of the visible entries, and whether each is a folder."""
    try:
        with os.scandir(folder) as listed:
            for entry in listed:
                if not is_hidden((entry.name,)):
                    yield entry.name, entry.is_dir()
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be listed ({error.strerror})") from None
