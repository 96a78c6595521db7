"""Load scans from class folders as volumes of one size: `ill/a.nii.gz`, `well/b/001.dcm` ..."""

from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError, track
from manyshot.datasets.group_names import match_groups
from manyshot.datasets.scan import Scan
from manyshot.datasets.volume_folder import ScanFile, read_scan, scans_of
from manyshot.datasets.window import DEFAULT_WINDOW, Window, parse_window
from manyshot.tasks import Source

SIDE = 64
"""Voxels along each axis, if no size is given."""


def load_volumes(path: Path, size: int | None = None, group_by: str | None = None, window: str | None = None) -> Source:
    """Load the scans of a folder or zip with one folder per class.

    Scans are brought to RAS+ (axes z, y, x) and stretched to a cube. Whose a scan is, DICOM files say themselves.

    Args:
        path: Folder or zip, see `manyshot.datasets.volume_folder`.
        size: Voxels along each axis; 64 if None.
        group_by: Regular expression on "class/name" that finds whose scan it is, see `match_groups`.
        window: Which values become black and white, see `parse_window`; "percentile(0.5, 99.5)" if None.

    Returns:
        A source of uint8 volumes `[n, c, size, size, size]`.

    Raises:
        InputError: If there is one class alone, or a scan is damaged or has other channels than the rest.
    """
    chosen, side = parse_window(window or DEFAULT_WINDOW), size or SIDE
    with scans_of(path) as (tree, files):
        check_classes(files, path)
        scans = [read_scan(tree, file) for file in track(files, f"read {path.name}")]
    volumes = [to_cube(scan, chosen, side) for scan in scans]
    for scan, volume in zip(scans, volumes, strict=True):
        if len(volume) != len(volumes[0]):
            raise InputError(f"{scan.where}: {len(volume)} channels, others {len(volumes[0])}; make scans alike")
    return Source.of(
        torch.stack(volumes),
        [file.class_name for file in files],
        authors=patients_of(path, files, [scan.patient for scan in scans], group_by),
        name=path.resolve().stem,
    )


def check_classes(files: tuple[ScanFile, ...], path: Path) -> None:
    """Check that there are scans of two classes.

    Raises:
        InputError: If there are not.
    """
    names = {file.class_name for file in files}
    if len(names) < 2:
        raise InputError(
            f"{path}: scans of one class ('{min(names)}'); put them into a folder per class, or, if there are masks, "
            "learn those: `manyshot segment train`"
        )


def patients_of(
    path: Path, files: tuple[ScanFile, ...], known: list[str | None], group_by: str | None
) -> list[str] | None:
    """Whose each scan is: by a regular expression, or as DICOM files say; None if nobody knows.

    Args:
        path: Folder or zip, for error messages.
        files: The scans.
        known: The patient of each, where its file says who.
        group_by: Regular expression on "class/name".

    Raises:
        InputError: If the expression does not match every scan.
    """
    if group_by is not None:
        return match_groups([f"{file.class_name}/{file.name}" for file in files], group_by, str(path))
    stated = [name for name in known if name is not None]
    return stated if len(stated) == len(files) else None


def to_cube(scan: Scan, window: Window, side: int) -> UInt8[Tensor, "c side side side"]:
    """A scan through a window, stretched to a cube.

    Args:
        scan: The scan.
        window: Which values become 0 and 255.
        side: Voxels along each axis.

    Raises:
        InputError: If the window does not fit the values.
    """
    values = scan.windowed(window)
    cube = F.interpolate(values[None].float(), (side,) * 3, mode="trilinear", align_corners=False)[0]
    return cube.clamp(0, 1).mul(255).round().to(torch.uint8)
