"""Load recordings of your own: class folders or a zip of WAV, FLAC, Ogg or MP3 files, or a table that names them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int16
from torch import Tensor

from manyshot.base import InputError, read_bytes, track
from manyshot.base.sound import RATE
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES, open_tree
from manyshot.datasets.image_folder import list_classes
from manyshot.datasets.sound_files import SOUNDS, decode_mono
from manyshot.datasets.table_reader import Columns, is_table, read_rows
from manyshot.tasks import Source

SHORTEST, LONGEST = 0.1, 60.0
"""Lengths that recordings may be brought to, in seconds."""
USUAL_LONGEST = 4.0
"""Longest length that they are brought to if none is given, in seconds."""
MOST_FIT = 0.95
"""Fraction of the recordings that fit into that length."""
MOST_SAMPLES = 4_000_000_000
"""Most samples of all recordings together: 8 gigabytes."""


@dataclass(frozen=True)
class Recording:
    """A sound file of a class.

    Args:
        name: Its path, for errors and for the names of speakers.
        label: Its class.
        read: Function that returns its content.
        speaker: Who or what made it; None if that is not known.
    """

    name: str
    label: str
    read: Callable[[], bytes]
    speaker: str | None = None


def holds_recordings(path: Path) -> bool:
    """Whether a path is a table of sound files, or a folder or zip whose files are sounds.

    Example:
        >>> holds_recordings(Path("faq.csv")), holds_recordings(Path("photos"))
        (False, False)
    """
    if not path.exists():
        return False
    if is_table(path):
        try:
            return next((row.text.lower().endswith(SOUNDS) for row in read_rows(path, Columns(), False)), False)
        except InputError:
            return False
    if not path.is_dir() and path.suffix.lower() != ".zip":
        return False
    try:
        with open_tree(path) as tree:
            sounds = sum(parts[-1].lower().endswith(SOUNDS) for parts in tree.files)
            return sounds > len(tree.files) / 2
    except InputError:
        return False


def load_recordings(
    path: Path,
    split: str | None = None,
    seconds: float | None = None,
    speakers: str | None = None,
    columns: Columns | None = None,
) -> Source:
    """Load recordings as sounds of one channel at 16,000 samples per second, cut or padded to one length.

    What is longer is cut around its loudest part; what is shorter is padded with silence on both sides.

    Args:
        path: Folder or zip with a folder of WAV, FLAC, Ogg or MP3 files per class, perhaps below `train/`, `val/` and
            `test/`; or a table with a column of paths, relative to it, and a column of classes.
        split: Split of a folder that has splits; "train" if None.
        seconds: Length of the sounds. If None, the length that 95 % of the recordings fit into, at most 4 seconds.
        speakers: Regular expression whose first group, in the path of a recording, is the speaker (or the microphone,
            the animal), so that tasks and splits can be by speaker; in a table, `columns.group` does it.
        columns: Columns of the table.

    Returns:
        A source of int16 sounds `[n, 1, samples]`, with the speakers as its authors.

    Raises:
        InputError: If there are no recordings or classes, a file is damaged, or an option is out of range.

    Example:
        >>> import tempfile
        >>> from manyshot.datasets.sound_files import encode_wav
        >>> folder = Path(tempfile.mkdtemp())
        >>> for word in ("yes", "no"):
        ...     (folder / word).mkdir()
        ...     _ = (folder / word / "ann.wav").write_bytes(encode_wav(torch.zeros(1, 4000, dtype=torch.int16), 8000))
        >>> load_recordings(folder, speakers="(ann)")
        Source('...', classes=2, examples=2, items=[1, 8000] int16)
    """
    path = Path(path)
    if is_table(path):
        if split is not None:
            raise InputError(f"{path}: no split '{split}', since it is a table; give the table of that split")
        recordings = _of_table(path, columns or Columns())
        return _source(recordings, seconds, speakers, path.stem)
    if columns is not None and (columns.text or columns.label or columns.group):
        raise InputError(f"{path}: a folder of recordings has no columns; leave them out")
    with open_tree(path) as tree:
        part, classes = list_classes(tree, split, suffixes=SOUNDS)
        recordings = [
            Recording(tree.describe(parts), label, lambda parts=parts: tree.read(parts))  # type: ignore[misc]
            for label in sorted(classes)
            for parts in classes[label]
        ]
        return _source(recordings, seconds, speakers, path.resolve().stem + ("" if part is None else f"/{part}"))


def _of_table(path: Path, columns: Columns) -> list[Recording]:
    recordings = []
    for row in read_rows(path, columns):
        file = path.parent / row.text
        if not row.text.lower().endswith(SOUNDS) or not file.is_file():
            raise InputError(f"{path}: line {row.line}: no sound file {file}; give paths relative to the table")
        speaker = row.group or None if columns.group else None
        if columns.group and speaker is None:
            raise InputError(f"{path}: line {row.line}: no '{columns.group}'; write one, or remove the row")
        recordings.append(Recording(row.text, row.label, lambda file=file: read_bytes(file, MAX_FILE_BYTES), speaker))  # type: ignore[misc]
    if not recordings:
        raise InputError(f"{path}: no rows; write one recording per row, below the names of the columns")
    return recordings


def _source(recordings: Sequence[Recording], seconds: float | None, speakers: str | None, name: str) -> Source:
    if seconds is not None and not SHORTEST <= seconds <= LONGEST:
        raise InputError(f"seconds={seconds:g}: give from {SHORTEST:g} to {LONGEST:g}")
    sounds = [decode_mono(one.read(), one.name) for one in track(recordings, f"decode {name}")]
    length = usual_length(sounds) if seconds is None else round(seconds * RATE)
    if length * len(sounds) > MOST_SAMPLES:
        raise InputError(f"{name}: {len(sounds):,} recordings of {length / RATE:g} s: too many; give fewer seconds")
    store = torch.stack([loudest_part(sound, length) for sound in sounds])[:, None]
    authors = _speakers(recordings, speakers)
    return Source.of(store, [one.label for one in recordings], authors=authors, name=name)


def usual_length(sounds: Sequence[Tensor]) -> int:
    """The number of samples that nearly all sounds fit into, in whole tenths of a second.

    Args:
        sounds: Sounds `[t]`, at 16,000 samples per second.
    """
    seconds = float(np.quantile([len(sound) for sound in sounds], MOST_FIT)) / RATE
    return round(min(max(ceil(10 * seconds - 1e-6) / 10, SHORTEST), USUAL_LONGEST) * RATE)


def _speakers(recordings: Sequence[Recording], pattern: str | None) -> list[str] | None:
    if pattern is None:
        known = [one.speaker for one in recordings if one.speaker is not None]
        return known if len(known) == len(recordings) else None
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(
            f"speakers='{pattern}': not a regular expression ({error}); write one such as '_(.*)_'"
        ) from None
    found = []
    for one in recordings:
        match = compiled.search(one.name)
        if match is None:
            raise InputError(f"{one.name}: speakers='{pattern}' does not match it; give one that always matches")
        found.append(next((group for group in match.groups() if group is not None), match.group()))
    return found


def loudest_part(sound: Int16[Tensor, "t"], length: int) -> Int16[Tensor, "length"]:
    """Cut a sound to the part of a given length that has most energy, or pad it with silence on both sides.

    Example:
        >>> loudest_part(torch.tensor([0, 5, 6, 0], dtype=torch.int16), 2)
        tensor([5, 6], dtype=torch.int16)
        >>> loudest_part(torch.tensor([5, 6], dtype=torch.int16), 5)
        tensor([0, 5, 6, 0, 0], dtype=torch.int16)
    """
    count = len(sound)
    if count <= length:
        padded = sound.new_zeros(length)
        first = (length - count) // 2
        padded[first : first + count] = sound
        return padded
    energy = torch.nn.functional.pad(sound.double().square().cumsum(0), (1, 0))
    first = int((energy[length:] - energy[:-length]).argmax())
    return sound[first : first + length].clone()
