"""CIFAR-FS: CIFAR-100 in 64, 16 and 20 classes for few-shot learning (Bertinetto et al. 2019; Krizhevsky 2009)."""

import json
import tarfile
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from manyshot.base import InputError, track
from manyshot.datasets.array_pickle import read_array_pickle
from manyshot.datasets.fetch import fetch
from manyshot.datasets.folder_or_zip import BROKEN, open_tree
from manyshot.datasets.image_folder import fill as fill_from_folder
from manyshot.datasets.image_folder import list_classes
from manyshot.datasets.pictures import resize
from manyshot.datasets.pixel_cache import Allocate, Contents, cached_source
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.tasks import Source

FOLDER = "cifar_fs"
ARCHIVE = PublishedFile(
    name="cifar-100-python.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    checksum="md5:eb9058c3a382ffc7106e4002c42a8d85",
    bytes=169001437,
    splits=("train", "validation", "test"),
    alternatives=("images.zip", "images"),
)
MAX_MEMBER = 1 << 28
MAX_ARCHIVE = 1 << 30

CLASSES: dict[str, list[str]] = json.loads(resources.files(__package__).joinpath("cifar_fs.json").read_text("utf-8"))
"""Classes of each split, as defined by its authors."""


def build(split: str, root: Path | None, size: int, color: bool | None) -> Source:
    """Build a source of 600 images per class: training and test images of CIFAR-100 together, as in few-shot papers.

    They are read from the published archive (without executing its pickles), or from `images.zip` or `images/`
    (`train/CLASS/*.png`, `val/...`, `test/...`) if there is no archive.

    Args:
        split: Split "train" (64 classes), "validation" (16) or "test" (20).
        root: Folder that contains the archive or the images.
        size: Height and width in pixels; the original size is 32.
        color: False for the luminance only.

    Raises:
        InputError: If the file is missing or damaged, or lacks a class of the split.
    """
    wanted = color is not False
    name = f"cifar-fs/{split}"
    path = fetch(FOLDER, ARCHIVE, root)
    if path.name != ARCHIVE.name:
        return _from_pictures(path, name, split, size, wanted)
    key = {
        "path": str(path.resolve()),
        "size": size,
        "color": wanted,
        "stamp": [path.stat().st_size, path.stat().st_mtime_ns],
    }
    return cached_source(name, key, lambda allocate: _fill(path, split, size, wanted, allocate))


def _from_pictures(path: Path, name: str, split: str, size: int, color: bool) -> Source:
    with open_tree(path) as tree:
        _, classes = list_classes(tree, split)
        missing = sorted(set(CLASSES[split]) - set(classes))
        if missing:
            raise InputError(f"{path}: no class '{missing[0]}' in {split}; fetch {ARCHIVE.url} instead")
        chosen = {label: classes[label] for label in CLASSES[split]}
        key = {"path": str(path.resolve()), "size": size, "color": color, "stamp": tree.stamp}
        return cached_source(name, key, lambda allocate: fill_from_folder(tree, chosen, size, color, allocate))


def _fill(path: Path, split: str, size: int, color: bool, allocate: Allocate) -> Contents:
    images, labels = _read_archive(path)
    wanted = set(CLASSES[split])
    chosen = [i for i, label in enumerate(labels) if label in wanted]
    missing = sorted(wanted - {labels[i] for i in chosen})
    if missing:
        raise InputError(f"{path}: no pictures of class '{missing[0]}'; fetch it again from {ARCHIVE.url}")
    pixels = allocate(len(chosen), 3 if color else 1, size, size)
    for index, i in enumerate(track(chosen, "unpack CIFAR-100")):
        picture = resize(Image.fromarray(images[i].transpose(1, 2, 0)).convert("RGB" if color else "L"), (size, size))
        pixels[index] = np.asarray(picture).reshape(size, size, -1).transpose(2, 0, 1)
    return Contents(labels=[labels[i] for i in chosen])


def _read_archive(path: Path) -> tuple[UInt8[np.ndarray, "n 3 32 32"], list[str]]:
    """Images and class names of the training and test part of the archive."""
    members = _members(path, ("train", "test", "meta"))
    meta = read_array_pickle(members["meta"], f"{path}: 'meta'")
    images, labels = [], []
    for part in ("train", "test"):
        here = f"{path}: '{part}'"
        content = read_array_pickle(members[part], here)
        try:
            names = [_text(name) for name in meta["fine_label_names"]]
            if not isinstance(content["data"], np.ndarray):
                raise TypeError("'data' is not an array")
            images.append(content["data"].reshape(-1, 3, 32, 32))
            here_labels = [names[label] for label in content["fine_labels"]]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{here}: not CIFAR-100's python version ({error!r}); fetch it from {ARCHIVE.url}"
            ) from None
        if len(images[-1]) != len(here_labels):
            raise InputError(f"{here}: {len(images[-1])} pictures and {len(here_labels)} labels; fetch it again")
        labels += here_labels
    return np.concatenate(images), labels


def _text(name: Any) -> str:  # noqa: ANN401 - bytes from Python 2, text from Python 3
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    if not isinstance(text, str):
        raise TypeError("a class name that is not text")
    return text


def _members(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """Read the members with these file names without unpacking to disk."""
    contents: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                total += member.size
                if member.size > MAX_MEMBER or total > MAX_ARCHIVE:
                    raise InputError(f"{path}: unpacks to more than CIFAR-100 could; fetch it from {ARCHIVE.url}")
                name = member.name.rpartition("/")[2]
                stream = archive.extractfile(member) if member.isfile() and name in names else None
                if stream is not None:
                    contents[name] = stream.read()
                    if len(contents) == len(names):
                        break
    except (tarfile.TarError, *BROKEN, OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged or truncated ({error}); fetch it again from {ARCHIVE.url}") from None
    missing = [name for name in names if name not in contents]
    if missing:
        raise InputError(f"{path}: no file '{missing[0]}' in it; fetch it again from {ARCHIVE.url}")
    return contents


DATA_SET = DataSet(
    name="cifar-fs",
    summary="CIFAR-100 in 64, 16 and 20 classes of 600 small color photographs",
    license="research use",
    homepage="https://github.com/bertinetto/r2d2",
    splits=("train", "validation", "test"),
    build=build,
    default_size=32,
    files=(ARCHIVE,),
)
