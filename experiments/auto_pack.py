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

from manyshot.meta_augment.auto.candidate_ops import SIDE
from manyshot.meta_augment.auto.curriculum import CurriculumSet, make_curriculum_set

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


SIZES = {1: (125, 25)}
"""Pictures of a set, and of each of its classes, by round; of other rounds `USUAL_SIZE`."""
USUAL_SIZE = (100, 10)


def list_jobs(sets: Sets, first: int, rounds: int, nuisances: bool) -> list[Job]:
    """Rounds in which each family has one of its data sets."""
    families: dict[str, list[str]] = {}
    for name in sets:
        families.setdefault(family(name), []).append(name)
    return [
        Job(members[7 * number % len(members)], 100 * nuisances + number, nuisances)
        for number in range(first, first + rounds)
        for members in families.values()
    ]


def build_set(job: Job, sets: Sets) -> CurriculumSet:
    """Draw classes and pictures of a set, and put nuisances in."""
    random = np.random.default_rng((job.seed, zlib.crc32(job.name.encode())))
    classes = list(sets[job.name].values())
    largest = int(np.median([len(files) for files in classes]))
    most, each = SIZES.get(job.seed, USUAL_SIZE)
    each = min(each, largest)
    if each * len(classes) < most:
        each = min(largest, -(-most // len(classes)))
    chosen = [classes[i] for i in random.permutation(len(classes))[: max(3, most // each)]]
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
