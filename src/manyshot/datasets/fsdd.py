"""FSDD: spoken digits of six people (Jackson 2016), the authors of the source."""

import re
from dataclasses import replace
from pathlib import Path

import torch

from manyshot.base import InputError, track
from manyshot.base.sound import RATE
from manyshot.datasets.fetch import fetch
from manyshot.datasets.folder_or_zip import open_tree
from manyshot.datasets.recordings import loudest_part
from manyshot.datasets.sound_files import decode_mono
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.tasks import Source

FILE = PublishedFile(
    "recordings.zip",
    "https://github.com/Jakobovski/free-spoken-digit-dataset",
    None,
    0,
    ("all", "train", "test"),
    alternatives=("recordings",),
)
NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav$")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LEFT_OUT = 5
"""The first recordings of each digit by each speaker, which the authors set aside for testing."""
SAMPLES = RATE
"""Length of each sound: one second; 19 recordings of 20 are shorter."""


def build(split: str, root: Path | None, size: int | None, color: bool | None) -> Source:
    """Digits as classes, of which their names are said, and speakers as authors.

    Args:
        split: Split "all", "train", or "test": the first 5 of the 50 recordings of each digit by each speaker.
        root: Folder that holds the file or the folder `recordings`.
        size: Ignored, since sounds have no size.
        color: Ignored, since sounds have no color.

    Raises:
        InputError: If the recordings are missing, or one has another name or is damaged.
    """
    path = fetch("fsdd", FILE, root)
    sounds, digits, speakers = [], [], []
    with open_tree(path) as tree:
        files = [parts for parts in tree.files if parts[-1].lower().endswith(".wav")]
        for parts in track(files, "decode fsdd"):
            found = NAME.match(parts[-1])
            if found is None:
                raise InputError(f"{tree.describe(parts)}: not named as DIGIT_SPEAKER_NUMBER.wav; fetch the data again")
            digit, speaker, number = found.groups()
            if split == "all" or (split == "test") == (int(number) < LEFT_OUT):
                sounds.append(loudest_part(decode_mono(tree.read(parts), tree.describe(parts)), SAMPLES))
                digits.append(digit)
                speakers.append(speaker)
    if not sounds:
        raise InputError(f"{path}: no recordings of this split; fetch the data again from {FILE.url}")
    source = Source.of(torch.stack(sounds)[:, None], digits, authors=speakers, name=f"fsdd/{split}")
    return replace(source, about=tuple(NUMBERS[int(name)] for name in source.class_names))


DATA_SET = DataSet(
    name="fsdd",
    summary="3,000 recordings of the ten digits, spoken in English by six people",
    license="CC BY-SA 4.0",
    homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
    splits=("all", "train", "test"),
    build=build,
    sounds=True,
    files=(FILE,),
)
