"""Whether the scans of a folder are whole, and alike enough to be learned from together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manyshot.base import InputError, track
from manyshot.datasets.scan import Scan
from manyshot.datasets.volume_folder import read_mask, read_scan, scans_of

UNLIKE_SPACING = 1.5
"""Ratio of spacings along one axis from which on scans are named as unlike."""
UNLIKE_RANGE = 10.0
"""Ratio of the spreads of values likewise: 1 beside 1000 is a normalized scan beside one in Hounsfield units."""


@dataclass(frozen=True)
class ScansState:
    """What a check of a folder of scans found.

    Args:
        scans: Number of scans.
        classes: Number of classes.
        masks: Number of scans with a mask.
        broken: What is wrong with each scan that cannot be read, in a line.
        warnings: In what scans differ from most of the others, in a line.
    """

    scans: int
    classes: int
    masks: int
    broken: tuple[str, ...]
    warnings: tuple[str, ...]


def check_scans(path: Path) -> ScansState:
    """Read every scan and mask of a folder or zip, and compare spacing, range and orientation.

    Args:
        path: Folder, zip or one scan.

    Raises:
        InputError: If it holds no scans.
    """
    broken: list[str] = []
    found: list[tuple[str, Facts]] = []
    with scans_of(path) as (tree, files):
        for file in track(files, f"read {path.name}"):
            try:
                scan = read_scan(tree, file)
                if file.mask is not None:
                    read_mask(tree, file.mask, scan)
            except InputError as error:
                broken.append(str(error))
                continue
            found.append((tree.describe(file.files[0]), facts_of(scan)))
    return ScansState(
        scans=len(files),
        classes=len({file.class_name for file in files}),
        masks=sum(file.mask is not None for file in files),
        broken=tuple(broken),
        warnings=tuple(unlike(found)),
    )


@dataclass(frozen=True)
class Facts:
    """What is compared of a scan.

    Args:
        spacing: Millimeters between voxels along (z, y, x).
        spread: Difference of the 99th and the 1st percentile of its values.
        least: Its smallest value.
        stored: Orientation in the file, which reading corrects where the file says it.
    """

    spacing: tuple[float, float, float]
    spread: float
    least: float
    stored: str


def facts_of(scan: Scan) -> Facts:
    """What is compared of a scan.

    Args:
        scan: The scan.
    """
    flat = scan.values.reshape(-1).astype(np.float64)
    finite = flat[np.isfinite(flat)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 0.0)
    return Facts(scan.spacing, float(high - low), float(finite.min()) if finite.size else 0.0, scan.stored)


def unlike(found: Sequence[tuple[str, Facts]]) -> list[str]:
    """Say which scans are unlike most others in spacing or range, and that some show nothing.

    Args:
        found: Name and facts of each scan.

    Example:
        >>> same = Facts((1.0, 1.0, 1.0), 1000.0, -1000.0, "RAS")
        >>> other = Facts((1.0, 1.0, 1.0), 2.0, -1.0, "RAS")
        >>> unlike([("a", same), ("b", same), ("c", other)])
        ['c: values spread over 2, most scans over 1000: other units, or normalized already']
    """
    if not found:
        return []
    usual = np.median([facts.spacing for _, facts in found], axis=0)
    spreads = [facts.spread for _, facts in found if facts.spread > 0]
    spread = float(np.median(spreads)) if spreads else 0.0
    lines = []
    for name, facts in found:
        ratio = np.maximum(np.array(facts.spacing) / usual, usual / np.array(facts.spacing)).max()
        if ratio > UNLIKE_SPACING:
            own, most = (" x ".join(f"{side:.3g}" for side in sides) for sides in (facts.spacing, usual))
            lines.append(f"{name}: spacing of {own} mm (z, y, x), most scans {most}: resample it, or learn it apart")
        if facts.spread == 0:
            lines.append(f"{name}: has one value alone, so it shows nothing")
        elif max(facts.spread / spread, spread / facts.spread) > UNLIKE_RANGE:
            lines.append(
                f"{name}: values spread over {facts.spread:.3g}, most scans over {spread:.4g}: other units, or "
                "normalized already"
            )
    return lines
