"""Read pictures or scans with their masks from a folder or zip."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.datasets.folder_or_zip import PathParts, Tree, open_tree
from manyshot.datasets.group_names import match_groups
from manyshot.datasets.image_folder import is_picture
from manyshot.datasets.nifti import is_nifti
from manyshot.datasets.pictures import decode, read_header
from manyshot.datasets.volume_folder import MASK_FOLDERS, list_scans, read_mask, read_scan
from manyshot.datasets.window import DEFAULT_WINDOW, parse_window
from manyshot.segment.masked_source import Label, MaskedSource

IMAGE_FOLDERS = ("images", "imagesTr", "scans")
"""Names of folders of pictures, beside the folder of masks."""
MAX_SIDE = 512


@dataclass(frozen=True)
class Reading:
    """How pictures or scans become items of one size.

    Args:
        size: Sides of the items in pixels: two numbers for pictures, three (depth, height, width) for scans, or one for
            all sides.
        window: Which values of a scan become black and white; see `manyshot.datasets.window`.
        patients: Regular expression whose match in the name of a file is its patient, see `match_groups`; None if each
            file is a patient's only one, or a DICOM file names its patient.

    Raises:
        InputError: If a size is out of range or the pattern is not a regular expression.
    """

    size: tuple[int, ...] = (96,)
    window: str = DEFAULT_WINDOW
    patients: str | None = None

    def __post_init__(self) -> None:
        if len(self.size) > 3 or not self.size or not all(8 <= side <= MAX_SIDE for side in self.size):
            raise InputError(f"size {'x'.join(map(str, self.size))}: give one to three sides from 8 to {MAX_SIDE}")
        parse_window(self.window)
        match_groups([], self.patients or "", "patients")

    def sides(self, axes: int) -> tuple[int, ...]:
        """The size for so many axes.

        Raises:
            InputError: If the size has another number of sides.
        """
        size = self.size * axes if len(self.size) == 1 else self.size
        if len(size) != axes:
            what = "pictures" if axes == 2 else "scans"
            raise InputError(f"size {'x'.join(map(str, self.size))}: {what} have {axes} sides; give one or {axes}")
        return size

    def patient(self, name: str, known: str | None = None) -> str:
        """Whose an item is.

        Raises:
            InputError: If the pattern does not occur in the name.
        """
        if self.patients is None:
            return known or name
        return match_groups([name], self.patients, "masks")[0]


@dataclass(frozen=True, eq=False)
class ReadItem:
    """An item as it was read.

    Args:
        name: Name of the file without its suffix.
        patient: Whose it is.
        item: `[c, *size]`, 0 to 255.
        mask: `[*size]`; None if there is none.
        spacing: Millimeters between pixels along each axis, at this size.
        original: Size of the picture or scan in the file.
        affine: Of a scan, the map from its voxels (x, y, z, 1) to millimeters; None of a picture.
    """

    name: str
    patient: str
    item: UInt8[Tensor, "c *size"]
    mask: UInt8[Tensor, "*size"] | None
    spacing: tuple[float, ...]
    original: tuple[int, ...]
    affine: Float64[np.ndarray, "4 4"] | None = None


def read_masked(path: Path, reading: Reading, labels: Sequence[Label] | None = None) -> MaskedSource:
    """Read all that have a mask.

    Args:
        path: Folder or zip with `images/` and `masks/` (or `labels/`), whose files have the same names.
        reading: How files become items.
        labels: The structures; every value of the masks if None.

    Raises:
        InputError: If nothing has a mask, or a file is damaged.
    """
    items = [one for one in read_items(path, reading) if one.mask is not None]
    if not items:
        raise InputError(f"{path}: no masks; put them into a folder masks/ beside images/, under the same names")
    if len({one.item.shape for one in items}) > 1:
        raise InputError(f"{path}: pictures or scans with different numbers of channels; make them alike")
    return MaskedSource.of(
        torch.stack([one.item for one in items]),
        torch.stack([one.mask for one in items if one.mask is not None]),
        labels,
        [one.name for one in items],
        [one.patient for one in items],
        [one.spacing for one in items],
    )


def read_items(path: Path, reading: Reading) -> list[ReadItem]:
    """Read all pictures or scans of a folder or zip, with their masks where they have one.

    Raises:
        InputError: If there are none, or a file is damaged.
    """
    with open_tree(path) as tree:
        if any(is_nifti(parts[-1]) or parts[-1].lower().endswith(".dcm") for parts in tree.files):
            return list(_scans(tree, reading))
        items = list(_pictures(tree, reading))
    if not items:
        raise InputError(f"{path}: no pictures or scans; give a folder images/, and masks/ beside it")
    return items


def _scans(tree: Tree, reading: Reading) -> Iterator[ReadItem]:
    window, size = parse_window(reading.window), reading.sides(3)
    for file in list_scans(tree):
        scan = read_scan(tree, file)
        mask = None if file.mask is None else resize_mask(torch.from_numpy(read_mask(tree, file.mask, scan)), size)
        values = scan.windowed(window)
        small = F.interpolate(values[None], size, mode="trilinear", align_corners=False)[0]
        original = tuple(values.shape[1:])
        spacing = tuple(s * n / m for s, n, m in zip(scan.spacing, original, size, strict=True))
        item = small.mul(255).round().to(torch.uint8)
        patient = reading.patient(file.name, scan.patient)
        yield ReadItem(file.name, patient, item, mask, spacing, original, scan.affine)


def _pictures(tree: Tree, reading: Reading) -> Iterator[ReadItem]:
    size = reading.sides(2)
    pictures = [parts for parts in tree.files if is_picture(parts)]
    masks = {(*parts[:-2], Path(parts[-1]).stem): parts for parts in pictures if _is_mask(parts)}
    images = [parts for parts in pictures if not _is_mask(parts)]
    color = any(read_header(tree.read(parts), tree.describe(parts)).color for parts in images)
    for parts in images:
        above = parts[:-2] if len(parts) > 1 and parts[-2] in IMAGE_FOLDERS else parts[:-1]
        name = Path(parts[-1]).stem
        data, where = tree.read(parts), tree.describe(parts)
        header = read_header(data, where)
        original = (header.height, header.width)
        beside = masks.get((*above, name))
        mask = None if beside is None else _read_mask(tree, beside, original, size)
        item = torch.from_numpy(decode(data, where, (size[0], size[1]), color).copy())
        spacing = tuple(n / m for n, m in zip(original, size, strict=True))
        yield ReadItem(name, reading.patient(name), item, mask, spacing, original)


def _is_mask(parts: PathParts) -> bool:
    return len(parts) > 1 and parts[-2] in MASK_FOLDERS


def _read_mask(tree: Tree, parts: PathParts, original: tuple[int, int], size: tuple[int, ...]) -> Tensor:
    """A mask: the values of a gray or indexed picture, or the brightest channel of one in color."""
    where = tree.describe(parts)
    header = read_header(tree.read(parts), where)
    if (header.height, header.width) != original:
        raise InputError(
            f"{where}: {header.height} x {header.width} pixels, its picture {original[0]} x {original[1]}; give masks "
            "of the size of their pictures"
        )
    try:
        with Image.open(io.BytesIO(tree.read(parts))) as image:
            values = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{where}: not a complete picture ({error}); replace it") from None
    values = values.max(2) if values.ndim == 3 else values
    if values.max(initial=0) > 255:
        raise InputError(f"{where}: values up to {values.max()}; values of a mask are from 0 to 255")
    return resize_mask(torch.from_numpy(values.astype(np.uint8)), size)


def resize_mask(mask: UInt8[Tensor, "*n"], size: Sequence[int]) -> UInt8[Tensor, "*m"]:
    """The mask at another size: each pixel has the value of the nearest one.

    Example:
        >>> resize_mask(torch.tensor([[0, 7], [0, 7]], dtype=torch.uint8), (2, 4)).tolist()
        [[0, 0, 7, 7], [0, 0, 7, 7]]
    """
    for axis, length in enumerate(size):
        places = ((torch.arange(length) * 2 + 1) * mask.shape[axis]) // (2 * length)
        mask = mask.index_select(axis, places)
    return mask


def parse_labels(texts: Sequence[str]) -> tuple[Label, ...] | None:
    """Labels as they are written on the command line: `nucleus=255`, `hippocampus=17+53`; None for none.

    Raises:
        InputError: If one is written otherwise.

    Example:
        >>> parse_labels(["hippocampus=17+53"])
        (Label(name='hippocampus', values=(17, 53)),)
    """
    labels = []
    for text in texts:
        name, _, values = text.partition("=")
        if not name or not re.fullmatch(r"[0-9]{1,3}(\+[0-9]{1,3})*", values):
            raise InputError(
                f"label '{text}': write a name and the values of the masks, such as nucleus=255 or a=17+53"
            )
        labels.append(Label(name, tuple(int(value) for value in values.split("+"))))
    return tuple(labels) or None
