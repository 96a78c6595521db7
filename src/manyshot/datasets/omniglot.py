"""Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn once by 20 people.

Lake, Salakhutdinov and Tenenbaum 2015, Human-level concept learning through probabilistic program induction.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from manyshot.base import InputError, track
from manyshot.datasets.fetch import fetch
from manyshot.datasets.folder_or_zip import PathParts, Tree, open_tree
from manyshot.datasets.pictures import decode
from manyshot.datasets.pixel_cache import Allocate, Contents, cached_source
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.tasks import Source

FOLDER = "omniglot"
OFFICIAL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
STEMS = {
    "background": "images_background",
    "evaluation": "images_evaluation",
    "small1": "images_background_small1",
    "small2": "images_background_small2",
}
FILES = tuple(
    PublishedFile(
        name=f"{STEMS[split]}.zip",
        url=f"{OFFICIAL}{STEMS[split]}.zip",
        checksum=f"sha256:{sha256}",
        bytes=size,
        splits=(split,),
        alternatives=(STEMS[split],),
    )
    for split, size, sha256 in (
        ("background", 9464212, "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640"),
        ("evaluation", 6462886, "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee"),
        ("small1", 1319022, "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"),
        ("small2", 1580917, "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"),
    )
)
DRAWING = re.compile(r"\d+_(\d+)\.png")


def build(split: str, root: Path | None, size: int, color: bool | None) -> Source:
    """Build a source with characters as classes, alphabets as groups, and drawers as authors; ink is 255.

    Classes are called "Greek/character01", authors "Greek/07". The published images are black on white, 105 x 105; they
    are inverted here, like all handwriting in this package.

    Args:
        split: Split "background" (30 alphabets), "evaluation" (20), or "small1" or "small2" (five of the background
            alphabets each).
        root: Folder that contains the official zip, or the unpacked zip.
        size: Height and width in pixels.
        color: Whether to repeat the gray channel three times.

    Raises:
        InputError: If the file is missing or damaged.
    """
    file = next(file for file in FILES if split in file.splits)
    path = fetch(FOLDER, file, root)
    with open_tree(path) as tree:
        key = {"path": str(path.resolve()), "size": size, "color": bool(color), "stamp": tree.stamp}
        return cached_source(f"omniglot/{split}", key, lambda allocate: _fill(tree, size, bool(color), allocate))


def _fill(tree: Tree, size: int, color: bool, allocate: Allocate) -> Contents:
    drawings = [parts for parts in tree.files if len(parts) >= 3 and DRAWING.fullmatch(parts[-1])]
    if not drawings:
        raise InputError(f"{tree.path}: no drawings; expected ALPHABET/characterNN/XXXX_YY.png as published")
    pixels = allocate(len(drawings), 3 if color else 1, size, size)
    for i, parts in enumerate(track(drawings, f"decode {tree.path.name}")):
        pixels[i] = ink(tree, parts, size, color)
    return Contents(
        labels=["/".join(parts[-3:-1]) for parts in drawings],
        groups={"/".join(parts[-3:-1]): parts[-3] for parts in drawings},
        # Drawers are numbered within each alphabet: 01 of one need not be 01 of another.
        authors=[f"{parts[-3]}/{parts[-1].removesuffix('.png').partition('_')[2]}" for parts in drawings],
    )


def ink(tree: Tree, parts: PathParts, size: int, color: bool = False) -> UInt8[np.ndarray, "c size size"]:
    """Decode a black-on-white drawing and invert it: ink 255, paper 0."""
    return 255 - decode(tree.read(parts), tree.describe(parts), (size, size), color)


DATA_SET = DataSet(
    name="omniglot",
    summary="1,623 handwritten characters of 50 alphabets, each drawn by 20 people",
    license="MIT",
    homepage="https://github.com/brendenlake/omniglot",
    splits=("background", "evaluation", "small1", "small2"),
    build=build,
    default_size=28,
    ink=True,
    files=FILES,
)
