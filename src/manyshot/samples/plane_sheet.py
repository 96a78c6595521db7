"""Planes of scans as pictures: a scan in three planes, with what it was read as, and contact sheets of many."""

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from manyshot.datasets.scan import Scan
from manyshot.datasets.volume_folder import read_mask, read_scan, scans_of
from manyshot.datasets.window import Window
from manyshot.samples.contact_sheet import SheetRow, draw_sheet, to_pil

PLANES = {"axial": 0, "coronal": 1, "sagittal": 2}
"""Planes, and the axis of (z, y, x) that each is across."""
CELL = 256
COLORS = ((230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (132, 145, 180))


def plane(
    values: Float[Tensor, "c z y x"],
    spacing: tuple[float, float, float],
    mask: UInt8[Tensor, "z y x"] | None = None,
    name: str = "axial",
) -> Image.Image:
    """Draw the middle plane of a volume as radiologists look at it: the person's right at the left, front or top up.

    Pixels are square: a plane of thick slices is stretched to its true proportions. Outlines of the labels of a mask
    are colored, in the plane that shows most of them. Of several channels the first is drawn.

    Args:
        values: Values from 0 to 1, RAS+.
        spacing: Millimeters between voxels along (z, y, x).
        mask: Labels of the voxels.
        name: "axial", "coronal" or "sagittal".

    Example:
        >>> plane(torch.rand(1, 4, 30, 20), (5.0, 1.0, 1.0), name="coronal").size
        (20, 20)
    """
    across = PLANES[name]
    at = values.shape[1 + across] // 2
    if mask is not None and bool(mask.any()):
        others = [axis for axis in range(3) if axis != across]
        at = int((mask > 0).sum(others).argmax())
    picture = values[:1].select(1 + across, at)
    down, right = (spacing[axis] for axis in range(3) if axis != across)
    unit = min(down, right)
    size = [max(1, round(side * step / unit)) for side, step in zip(picture.shape[1:], (down, right), strict=True)]
    # x points to the person's right and the first row is the lowest: both are mirrored.
    shown = F.interpolate(picture[None].float(), size, mode="bilinear", align_corners=False)[0].flip(1, 2)
    image = to_pil(shown)
    if mask is None:
        return image
    labels = mask.select(across, at)
    labels = F.interpolate(labels[None, None].float(), size, mode="nearest")[0, 0].flip(0, 1)
    return _outlined(image, labels)


def _outlined(image: Image.Image, labels: Float[Tensor, "h w"]) -> Image.Image:
    inner = F.pad(labels[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    h, w = labels.shape
    beside = [inner[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))]
    edge = (labels > 0) & torch.stack([other != labels for other in beside]).any(0)
    colored = image.convert("RGB")
    for value in torch.unique(labels[edge]).tolist():
        layer = Image.new("RGB", image.size, COLORS[(int(value) - 1) % len(COLORS)])
        colored.paste(layer, mask=to_pil((edge & (labels == value))[None].float()))
    return colored


def draw_scan(scan: Scan, window: Window) -> Image.Image:
    """Draw a scan in three planes; the title says its size, spacing, orientation, range and window.

    Args:
        scan: The scan.
        window: Which values are black and white.

    Raises:
        InputError: If the window does not fit the values.
    """
    values = scan.windowed(window)
    pictures = [plane(values, scan.spacing, name=name) for name in PLANES]
    facts = describe_scan(scan, window)
    title = f"{Path(scan.where).name}: {facts['size']}, {facts['spacing']}, {facts['orientation']}, {facts['window']}"
    return draw_sheet([SheetRow("", pictures)], title=title, headings=tuple(PLANES), cell=CELL)


def describe_scan(scan: Scan, window: Window) -> dict[str, str]:
    """Describe a scan in words, without anything about the person.

    Args:
        scan: The scan.
        window: Which values are black and white.

    Raises:
        InputError: If the window does not fit the values.
    """
    low, high = window.limits(scan.values, scan.where)
    z, y, x = scan.spacing
    channels, *size = scan.values.shape
    return {
        "format": scan.kind,
        "size": " x ".join(map(str, size[::-1])) + " voxels (x, y, z)" + (f", {channels} channels" * (channels > 1)),
        "spacing": f"{x:.3g} x {y:.3g} x {z:.3g} mm",
        "orientation": f"{scan.stored} in the file, RAS here",
        "type": scan.values.dtype.name + (", large values are dark" if scan.inverted else ""),
        "range": f"{scan.values.min():g} to {scan.values.max():g}",
        "window": f"{window.text}: {low:g} to {high:g}",
    }


def draw_scans(path: Path, window: Window, rows: int, columns: int) -> tuple[Image.Image, dict[str, int]]:
    """Draw the middle plane of scans of a folder, a row per class, with the outlines of their masks.

    Args:
        path: Folder or zip.
        window: Which values are black and white.
        rows: Largest number of classes.
        columns: Largest number of scans of a class.

    Returns:
        The sheet, and the number of scans of each class.
    """
    with scans_of(path) as (tree, found):
        counts: dict[str, int] = {}
        shown: dict[str, list[Image.Image]] = {}
        for file in found:
            counts[file.class_name] = counts.get(file.class_name, 0) + 1
            if len(counts) <= rows and counts[file.class_name] <= columns:
                scan = read_scan(tree, file)
                mask = None if file.mask is None else torch.from_numpy(read_mask(tree, file.mask, scan))
                shown.setdefault(file.class_name, []).append(plane(scan.windowed(window), scan.spacing, mask))
        drawn = [SheetRow(name, pictures, counts[name] - len(pictures)) for name, pictures in shown.items()]
        return draw_sheet(drawn, title=f"{path.name}: {len(found):,} scans", cell=96), counts
