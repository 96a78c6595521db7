"""Examples of a user: pictures, recordings or scans that are decoded when needed, or sentences; classes and groups."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int16, UInt8
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.sound import RATE, from_samples
from manyshot.datasets.feature_store import digest_of
from manyshot.datasets.folder_or_zip import ItemFile
from manyshot.datasets.load_volumes import to_cube
from manyshot.datasets.pictures import decode, read_header, to_pixels
from manyshot.datasets.recordings import loudest_part
from manyshot.datasets.scan import Scan
from manyshot.datasets.sound_files import decode_mono
from manyshot.datasets.window import Window
from manyshot.nets.mel import spectrogram_picture

Kind = Literal["pictures", "sentences", "sounds", "scans"]
ENCODED_AS: Mapping[Kind, Kind] = {"scans": "pictures"}
"""Kinds that encoders of another kind take: slices of scans are pictures."""
CUBE = 96
"""Voxels along each axis of a scan that is changed or encoded."""
LONGEST = 10.0
"""Longest part of a recording that is listened to, the loudest, in seconds."""
SPECTROGRAM = 96
"""Side of the picture that stands for a recording, in pixels, where no other is asked for."""


class PictureFile(ItemFile):
    """A picture as a file."""


class SoundFile(ItemFile):
    """A recording as a file."""


@dataclass(frozen=True)
class ScanItem(ItemFile):
    """A scan: one file, or the slices of a series.

    Args:
        scan: Function that reads the scan.
        window: Which of its values become black and white.
    """

    scan: Callable[[], Scan]
    window: Window

    def content(self) -> bytes:
        """The bytes of the files, and the window: what features depend on."""
        return self.window.text.encode() + self.read()


Item = ItemFile | Image.Image | NDArray[np.uint8] | str
"""A picture, a recording or a scan as a file or files; a picture of PIL or as an array `[c, h, w]`; or a sentence."""


@dataclass(frozen=True, eq=False)
class ExampleSet:
    """Labeled or unlabeled examples: pictures, recordings or scans that are decoded when needed, or sentences.

    Args:
        kind: "pictures", "sentences", "sounds" or "scans".
        items: The n examples.
        labels: Index `[n]` into `class_names`; -1 where unlabeled.
        class_names: Names of the classes.
        names: What reports call each example: its path relative to the folder, or "row 12".
        digests: Hash of each example's content (bytes of the file, or of the text), by which features are cached and
            exact duplicates are found.
        groups: Group of each example `[n]`, such as a patient or a speaker; examples of a group stay on one side of a
            split. None if each example is a group of its own.

    Example:
        >>> from manyshot.classify.examples.read_examples import examples_from_arrays
        >>> examples = examples_from_arrays(["hello", "hi there", "bye"], ["greet", "greet", "leave"])
        >>> examples.class_names, examples.labels.tolist(), examples.select([2]).texts([0])
        (('greet', 'leave'), [0, 0, 1], ['bye'])
    """

    kind: Kind
    items: tuple[Item, ...]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    digests: tuple[str, ...]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def class_texts(self) -> tuple[str, ...]:
        """The names of the classes as texts, with spaces for underscores."""
        return class_texts(self.class_names)

    def pictures(self, rows: ArrayLike, size: int) -> UInt8[Tensor, "n 3 size size"]:
        """Decode pictures, in RGB, from the original at the size that is asked for.

        Of recordings it is their spectrogram, of scans the middle axial plane.

        Args:
            rows: Which examples, in any order.
            size: Height and width in pixels; pictures of other proportions are squeezed, not cropped.

        Raises:
            InputError: If a picture is damaged or has changed since it was listed.
        """
        chosen = np.atleast_1d(np.asarray(rows, dtype=np.int64)).tolist()
        pixels = np.empty((len(chosen), 3, size, size), dtype=np.uint8)

        def fill(place: int) -> None:
            pixels[place] = self._pixels(chosen[place], size)

        if len(chosen) < 2 or torch.get_num_threads() < 2:
            for place in range(len(chosen)):
                fill(place)
        else:
            with ThreadPoolExecutor(torch.get_num_threads()) as pool:
                list(pool.map(fill, range(len(chosen))))
        return torch.from_numpy(pixels)

    def original(self, row: int) -> UInt8[Tensor, "3 h w"]:
        """Decode one picture, in RGB, at the size that it has.

        Raises:
            InputError: If it is damaged or has changed since it was listed.
        """
        return torch.from_numpy(self._pixels(row, None))

    def sounds(self, rows: ArrayLike) -> list[Int16[Tensor, "1 t"]]:
        """Decode recordings, of one channel at 16,000 samples per second, each as long as it is.

        Args:
            rows: Which examples, in any order.

        Raises:
            InputError: If a recording is damaged or has changed since it was listed.
        """
        sounds = []
        for row in np.atleast_1d(np.asarray(rows, dtype=np.int64)).tolist():
            item = self.items[row]
            assert isinstance(item, SoundFile)
            sound = decode_mono(self._bytes(row, item), item.where)
            sounds.append(loudest_part(sound, min(len(sound), round(LONGEST * RATE)))[None])
        return sounds

    def volumes(self, rows: ArrayLike) -> UInt8[Tensor, "n c 96 96 96"]:
        """Read scans, through their windows, as cubes.

        Args:
            rows: Which examples, in any order.

        Raises:
            InputError: If a scan is damaged or has changed since it was listed, or has other channels than the rest.
        """
        cubes: list[Tensor] = []
        for row in np.atleast_1d(np.asarray(rows, dtype=np.int64)).tolist():
            item = self.items[row]
            assert isinstance(item, ScanItem)
            self._check(row, item, item.content())
            cubes.append(to_cube(item.scan(), item.window, CUBE))
            if len(cubes[-1]) not in (1, 3):
                raise InputError(f"{item.where}: {len(cubes[-1])} channels; give scans of one")
        return torch.stack([cube.expand(max(map(len, cubes)), -1, -1, -1) for cube in cubes])

    def _bytes(self, row: int, item: ItemFile) -> bytes:
        data = item.read()
        self._check(row, item, data)
        return data

    def _check(self, row: int, item: ItemFile, content: bytes) -> None:
        if digest_of(content) != self.digests[row]:
            raise InputError(f"{item.where}: was changed while it was in use; begin again")

    def _pixels(self, row: int, side: int | None) -> NDArray[np.uint8]:
        item = self.items[row]
        if isinstance(item, SoundFile):
            return self._spectrogram(row, side or SPECTROGRAM)
        if isinstance(item, ScanItem):
            return self._middle_plane(row, side or CUBE)
        if not isinstance(item, ItemFile):
            image = Image.fromarray(_channels_last(item)) if isinstance(item, np.ndarray) else item
            assert isinstance(image, Image.Image)
            image = ImageOps.exif_transpose(image)
            size = (side, side) if side else (image.height, image.width)
            return to_pixels(image, self.names[row], size, color=True)
        data = self._bytes(row, item)
        if side:
            return decode(data, item.where, (side, side), color=True)
        header = read_header(data, item.where)
        return decode(data, item.where, (header.height, header.width), color=True)

    def _spectrogram(self, row: int, side: int) -> NDArray[np.uint8]:
        gray = Image.fromarray(spectrogram_picture(from_samples(self.sounds(row)[0]), RATE)[0].numpy())
        return to_pixels(gray, self.names[row], (side, side), color=True)

    def _middle_plane(self, row: int, side: int) -> NDArray[np.uint8]:
        cube = self.volumes([row])[0]
        # As radiologists look at it: the person's right at the left, the front up.
        plane = Image.fromarray(cube[0, CUBE // 2].flip(0, 1).numpy())
        return to_pixels(plane, self.names[row], (side, side), color=True)

    def texts(self, rows: ArrayLike) -> list[str]:
        """The sentences of some rows."""
        return [str(self.items[row]) for row in np.atleast_1d(np.asarray(rows, dtype=np.int64)).tolist()]

    def select(self, rows: ArrayLike) -> "ExampleSet":
        """Some of the examples, in the order of `rows`; the classes stay the same."""
        chosen = np.atleast_1d(np.asarray(rows))
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        places = chosen.tolist()
        return replace(
            self,
            items=tuple(self.items[i] for i in places),
            labels=self.labels[chosen],
            names=tuple(self.names[i] for i in places),
            digests=tuple(self.digests[i] for i in places),
            groups=None if self.groups is None else self.groups[chosen],
        )


def class_texts(class_names: Sequence[str]) -> tuple[str, ...]:
    """Names of classes as texts, with spaces for underscores.

    Args:
        class_names: Names.

    Example:
        >>> class_texts(["polar_bear"])
        ('polar bear',)
    """
    return tuple(" ".join(name.replace("_", " ").split()) for name in class_names)


def _channels_last(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
