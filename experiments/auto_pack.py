"""Data sets from a pack, and the curriculum sets that `auto` learns from: which there are, and how one is made."""

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from drawn_pictures import drawn
from numpy.typing import NDArray
from PIL import Image

from manyshot.meta_augment.auto.curriculum import CurriculumSet, make_curriculum_set
from manyshot.meta_augment.auto.menu import SIDE

Sets = dict[str, dict[str, list[bytes]]]


@dataclass(frozen=True)
class Job:
    """A curriculum set to make: a data set, a seed, and whether nuisances are put in."""

    name: str
    seed: int
    nuisances: bool


def family(name: str) -> str:
    """Data sets that are held out together: alphabets of Omniglot, scripts of printed letters, both sets of cells."""
    first = name.split(" ")[0]
    return {"glyphs": "printed letters", "Omniglot": "Omniglot", "white": "blood cells"}.get(first, name)


def read_pack(path: Path) -> Sets:
    """Pictures as files, by set and class; textures and shapes are drawn here."""
    sets: Sets = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            of_set, _, rest = name.partition("/")
            label = rest.rpartition("/")[0]
            sets.setdefault(of_set, {}).setdefault(label, []).append(archive.read(name))
    for kind in ("textures", "shapes"):
        for label, picture in drawn(kind, per_class=36, classes=24):
            file = io.BytesIO()
            picture.save(file, "PNG", compress_level=1)
            sets.setdefault(kind, {}).setdefault(label, []).append(file.getvalue())
    return sets


WIDE = 1000
"""Seeds from here on are of data sets as they are with thirty pictures of a class."""


def list_jobs(sets: Sets, first: int, rounds: int, nuisances: bool) -> list[Job]:
    """Rounds in which each family has one of each of two of its data sets, or, as they are, of each of three."""
    families: dict[str, list[str]] = {}
    for name in sets:
        families.setdefault(family(name), []).append(name)
    most = 2 if nuisances else 3
    return [
        Job(members[(each * number + k) % len(members)], 100 * nuisances + number, nuisances)
        for number in range(first, first + rounds)
        for members in families.values()
        for each in [min(most, len(members))]
        for k in range(each)
    ]


def build_set(job: Job, sets: Sets, most: int) -> CurriculumSet:
    """Draw classes and pictures of a set, and put nuisances in."""
    most = 3 * most if job.seed >= WIDE else most
    random = np.random.default_rng((job.seed, zlib.crc32(job.name.encode())))
    classes = list(sets[job.name].values())
    largest = int(np.median([len(files) for files in classes]))
    each = most // len(classes)
    if job.seed >= WIDE:
        each = max(each, 30)
    elif len(classes) > 4:
        each = int(random.choice([10, 10, 12, 16]))
    each = min(largest, each)
    chosen = [classes[i] for i in random.permutation(len(classes))[: max(2, most // each)]]
    pictures, labels = [], []
    for label, files in enumerate(chosen):
        for index in random.permutation(len(files))[:each]:
            pictures.append(decode(files[index]))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous().float() / 255
    ids = np.array(labels)
    return (
        make_curriculum_set(pixels, ids, int(random.integers(2**31)))
        if job.nuisances
        else CurriculumSet(pixels, ids, ())
    )


def decode(file: bytes) -> NDArray[np.uint8]:
    """A picture at `SIDE` pixels, in color."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
