"""MNIST and Fashion-MNIST in their own file format, IDX (LeCun et al. 1998; Xiao, Rasul and Vollgraf 2017)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from manyshot.base import InputError, track
from manyshot.datasets.fetch import fetch
from manyshot.datasets.idx_file import read_idx
from manyshot.datasets.pictures import resize
from manyshot.datasets.pixel_cache import Allocate, Contents, cached_source
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.tasks import Source

FOLDERS = ("mnist", "fashion_mnist")  # both have files of the same names, which must not be confused
DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


FILE_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _files(url: str, sizes: tuple[int, ...], checksums: str) -> tuple[PublishedFile, ...]:
    """The four files, given their sizes in bytes and their MD5 checksums."""
    return tuple(
        PublishedFile(
            name=name,
            url=url + name,
            checksum=f"md5:{md5}",
            bytes=size,
            splits=("train" if name.startswith("train") else "test",),
            alternatives=(name.removesuffix(".gz"),),
        )
        for name, size, md5 in zip(FILE_NAMES, sizes, checksums.split(), strict=True)
    )


MNIST_FILES = _files(
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    (9912422, 28881, 1648877, 4542),
    "f68b3c2dcbeaaa9fbdd348bbdeb94873 d53e105ee54ea40749a09fcbcd1e9432 "
    "9fb629c4189551a2d022fa330f9573f3 ec29112dd5afa0611ce80d1b7f02629c",
)
FASHION_FILES = _files(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    (26421880, 29515, 4422102, 5148),
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d 25c81989df183df01b3e8a0aad5dffbe "
    "bef4ecab320f06d8554ea6380940ec79 bb300cfdad3c16e7a12a480ee83cd310",
)


def _build(
    name: str,
    files: tuple[PublishedFile, ...],
    class_names: tuple[str, ...],
    split: str,
    root: Path | None,
    size: int,
    color: bool | None,
) -> Source:
    folder = name.replace("-", "_")
    paths = [fetch(folder, file, root) for file in files if split in file.splits]
    for path in paths:
        if path.parent.name in FOLDERS and path.parent.name != folder:
            raise InputError(
                f"{path}: the folder's name is that of another data set; put the files of {name} into '{folder}'"
            )
    images_path, labels_path = sorted(paths, key=lambda path: "labels" in path.name)
    key = {
        "paths": [str(path.resolve()) for path in paths],
        "size": size,
        "color": bool(color),
        "stamp": [[path.stat().st_size, path.stat().st_mtime_ns] for path in paths],
    }

    def fill(allocate: Allocate) -> Contents:
        images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
        if len(images) != len(labels):
            counts = f"{len(images)} images, but {len(labels)} labels in {labels_path.name}"
            raise InputError(f"{images_path}: {counts}; fetch both again")
        if len(labels) == 0 or labels.max() >= len(class_names) or 0 in images.shape:
            raise InputError(f"{labels_path}: expected labels below {len(class_names)}; fetch it again")
        pixels = allocate(len(images), 3 if color else 1, size, size)
        if images.shape[1:] == (size, size):
            pixels[:] = images[:, None]
        else:
            for i, image in enumerate(track(images, f"resize {name}", total=len(images))):
                pixels[i] = np.asarray(resize(Image.fromarray(image), (size, size)))
        return Contents(labels=[class_names[label] for label in labels])

    return cached_source(f"{name}/{split}", key, fill)


MNIST = DataSet(
    name="mnist",
    summary="70,000 handwritten digits",
    license="CC BY-SA 3.0",
    homepage="https://yann.lecun.com/exdb/mnist/",
    splits=("train", "test"),
    build=partial(_build, "mnist", MNIST_FILES, DIGITS),
    default_size=28,
    ink=True,
    files=MNIST_FILES,
)


FASHION_MNIST = replace(
    MNIST,
    name="fashion-mnist",
    summary="70,000 gray pictures of ten kinds of clothes",
    license="MIT",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    build=partial(_build, "fashion-mnist", FASHION_FILES, CLOTHES),
    ink=False,
    files=FASHION_FILES,
)
