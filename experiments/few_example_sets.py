"""Real data sets, cut to a few dozen examples of each class, as the examples that a user of `fit` would have."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from manyshot.base import InputError
from manyshot.classify.examples.read_examples import ExampleSet, examples_from_arrays
from manyshot.datasets import load_dataset

SHOTS = (1, 2, 5, 10, 20)


def cut(labels: Sequence[str], per_class: int, classes: int, seed: int = 0) -> NDArray[np.int64]:
    """The indices of a few examples of a few classes, drawn at random; classes of fewer than four are left out."""
    random = np.random.default_rng(seed)
    _, ids, counts = np.unique(np.array(labels), return_inverse=True, return_counts=True)
    kept = np.sort(random.permutation(np.flatnonzero(counts >= 4))[:classes])
    rows = [np.sort(random.permutation(np.flatnonzero(ids == name))[:per_class]) for name in kept]
    return np.concatenate(rows)


def from_zip(path: Path, pattern: str, per_class: int, classes: int) -> ExampleSet:
    """Pictures of a zip, whose class is the first group of a pattern on their names."""
    with zipfile.ZipFile(path) as archive:
        found = [(name, match.group(1)) for name in archive.namelist() if (match := re.search(pattern, name))]
        rows = cut([label for _, label in found], per_class, classes)
        pictures = [Image.open(io.BytesIO(archive.read(found[row][0]))) for row in rows]
        for picture in pictures:
            picture.load()
    return examples_from_arrays(pictures, [found[row][1] for row in rows])


def white_cells(root: Path) -> ExampleSet:
    """Whole white blood cells of the first microscope."""
    with (root / "white_cells" / "classes.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    with zipfile.ZipFile(root / "white_cells" / "cells.zip") as archive:
        files = {Path(name).stem: name for name in archive.namelist() if "images/" in name and name.endswith(".png")}
        listed = [(files[Path(row[0]).stem], row[2]) for row in rows if Path(row[0]).stem in files]
        kept = cut([label for _, label in listed], 50, 5)
        pictures = [Image.open(io.BytesIO(archive.read(listed[row][0]))).convert("RGB") for row in kept]
    return examples_from_arrays(pictures, [listed[row][1] for row in kept])


def named(name: str, split: str | None, size: int | None, per_class: int, classes: int) -> ExampleSet:
    """A data set of the library that needs no files."""
    source = load_dataset(name, split, size=size)
    labels = [source.class_names[index] for index in source.labels]
    rows = cut(labels, per_class, classes)
    pixels: Any = source.gather(rows)
    return examples_from_arrays(pixels, [labels[row] for row in rows])


ICON_FONTS = (
    "codicon",
    "elusive",
    "fontawesome6-regular",
    "fontawesome6-solid",
    "materialdesign*6",
    "phosphor",
    "remix",
)
ICON_STYLES = re.compile(r"-(fill|line|outline)$")


def icons() -> ExampleSet:
    """What icons depict, such as a bell, each drawn by several designers.

    The fonts are those of QtAwesome: `pip install QtAwesome`.
    """
    spec = find_spec("qtawesome")
    if spec is None or spec.submodule_search_locations is None:
        raise InputError("the set of icons needs QtAwesome: pip install QtAwesome")
    folder = Path(spec.submodule_search_locations[0]) / "fonts"
    found = []
    for family in ICON_FONTS:
        (table,) = folder.glob(f"{family}*charmap*.json")
        font = ImageFont.truetype(str(folder / table.name.replace("-charmap", "")).replace(".json", ".ttf"), 80)
        codes = json.loads(table.read_text())
        found += [(ICON_STYLES.sub("", name), font, chr(int(code, 16))) for name, code in sorted(codes.items())]
    names, counts = np.unique([name for name, _, _ in found], return_counts=True)
    known = set(names[counts >= 9])
    found = [one for one in found if one[0] in known]
    rows = cut([name for name, _, _ in found], 12, 24)
    return examples_from_arrays([_drawn(*found[row][1:]) for row in rows], [found[row][0] for row in rows])


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> Image.Image:
    """A character in black on white, in the middle."""
    picture = Image.new("L", (96, 96), 255)
    ImageDraw.Draw(picture).text((48, 48), character, fill=0, font=font, anchor="mm")
    return picture


def sentences(root: Path, domains: Sequence[str]) -> ExampleSet:
    """Utterances of CLINC150 from a few domains."""
    folder = root / "clinc150"
    intents = json.loads((folder / "domains.json").read_text())
    wanted = {intent for domain in domains for intent in intents[domain]}
    pairs = [pair for pair in json.loads((folder / "data_full.json").read_text())["train"] if pair[1] in wanted]
    rows = cut([label for _, label in pairs], 80, 20)
    return examples_from_arrays([pairs[row][0] for row in rows], [pairs[row][1] for row in rows])


PICTURES: dict[str, Callable[[Path], ExampleSet]] = {
    "CIFAR-FS": lambda root: from_zip(root / "cifar_fs/images.zip", r"val/([^/]+)/.*png$", 60, 10),
    "photographs a-l": lambda root: from_zip(root / "cifar_fs/images.zip", r"train/([a-l][^/]+)/.*png$", 60, 10),
    "emoji": lambda root: from_zip(root / "emoji/images.zip", r"([^/]+)/[^/]+\.png$", 7, 25),
    "blood cells": lambda root: from_zip(root / "blood_cells/images.zip", r"([^/]+)/d1_[^/]+\.png$", 40, 5),
    "MedNIST": lambda root: from_zip(root / "mednist/images.zip", r"([^/]+)/[^/]+\.jpe?g$", 90, 6),
    "white cells": white_cells,
    "Omniglot": lambda root: from_zip(
        root / "omniglot/images_background_small2.zip", r"Sanskrit/(character\d+)/.*png$", 16, 20
    ),
    "digits": lambda _: named("digits", None, None, 60, 10),
    "printed letters": lambda _: named("glyphs", "cyrillic", 64, 12, 20),
    "icons": lambda _: icons(),
    "chest X-rays": lambda root: from_zip(root / "chest_xray/images.zip", r"([^/]+)/[^/]+\.jpeg$", 120, 3),
    "skin lesions": lambda root: from_zip(root / "ham10000/images.zip", r"([^/]+)/[^/]+\.jpg$", 60, 7),
}
"""Sets of pictures, by the name that results give them."""

SENTENCES: dict[str, Callable[[Path], ExampleSet]] = {
    "CLINC150 banking": lambda root: sentences(root, ["banking", "credit_cards"]),
    "CLINC150 travel": lambda root: sentences(root, ["travel", "auto_and_commute"]),
    "CLINC150 home": lambda root: sentences(root, ["home", "small_talk"]),
}
"""Sets of sentences."""


def draws(
    labels: NDArray[np.int64], shots: int, count: int, first: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Random examples to fit to, `shots` of each class, and the others, at most 100 of each class, to test on.

    Nothing is drawn from sets in which most classes have fewer than two other examples. Draw `first` and those that
    follow are the same whatever their number.
    """
    sizes = np.bincount(labels)
    if np.median(sizes) < shots + 2:
        return
    for draw in range(first, first + count):
        random = np.random.default_rng((shots, draw))
        fit, test = [], []
        for label in range(len(sizes)):
            rows = random.permutation(np.flatnonzero(labels == label))
            taken = min(shots, len(rows) - 2)
            fit.append(rows[:taken])
            test.append(rows[taken:][:100])
        yield np.concatenate(fit), np.concatenate(test)
