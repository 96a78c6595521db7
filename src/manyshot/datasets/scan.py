"""Scans: volumes of a scanner with their place in the body, whatever file they come from.

All scans are brought to one orientation, by permuting and mirroring axes without interpolation: x to the person's
right, y to the front, z up ("RAS+"). As tensors they are `[c, z, y, x]`.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

from manyshot.base import InputError
from manyshot.datasets.window import Window

MAX_VOXELS = 1 << 28
"""Largest number of voxels of a scan, times channels."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan.

    Args:
        values: `[c, z, y, x]` as measured, in the type that the file stores them in, or scaled to their unit.
        affine: Map from voxels (x, y, z, 1) to millimeters (right, front, up, 1).
        stored: Orientation in the file, such as "LPS": where the axes of the file point.
        kind: What it was read from: "NIfTI" or "DICOM".
        inverted: Whether large values are dark.
        patient: A code for the person, from which nobody can be recognized; None if the file does not say.
        where: Name of the file in error messages.
    """

    values: Shaped[np.ndarray, "c z y x"]
    affine: Float64[np.ndarray, "4 4"]
    stored: str
    kind: str
    where: str
    inverted: bool = False
    patient: str | None = None

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimeters between voxels along (z, y, x)."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return z, y, x

    def windowed(self, window: Window) -> Float[Tensor, "c z y x"]:
        """Return values from 0 to 1; where large values are dark, the result is inverted once.

        Args:
            window: Which values become 0 and 1; all channels share it.

        Raises:
            InputError: If the window does not fit the values.
        """
        values = torch.from_numpy(window.apply(self.values, self.where))
        return 1 - values if self.inverted else values


def canonical(
    values: Shaped[np.ndarray, "i j k *c"], affine: Float64[np.ndarray, "4 4"], kind: str, where: str
) -> Scan:
    """Bring a volume to RAS+, by permuting and mirroring its axes.

    Args:
        values: Voxels on the axes of the file, perhaps with channels at the end.
        affine: Map from voxels (i, j, k, 1) to millimeters (right, front, up, 1).
        kind: What it was read from.
        where: Name of the file in error messages.

    Raises:
        InputError: If the affine map does not say where the axes point.
    """
    orientations = import_nibabel(where).orientations
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise InputError(f"{where}: its affine matrix is damaged, so left and right are unknown; repair the header")
    axes = orientations.io_orientation(affine)
    if np.isnan(axes).any():
        raise InputError(f"{where}: two of its axes point the same way; repair the header")
    turned = orientations.apply_orientation(values, axes)
    placed = affine @ orientations.inv_ornt_aff(axes, values.shape[:3])
    channels = turned.reshape(*turned.shape[:3], -1)
    codes = "".join(orientations.ornt2axcodes(axes))
    return Scan(np.ascontiguousarray(channels.transpose(3, 2, 1, 0)), placed, codes, kind, where)


def import_nibabel(where: str) -> ModuleType:
    """Import the package that reads NIfTI.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import nibabel
    except ImportError:
        raise InputError(f"{where}: a medical scan; to read them: pip install 'manyshot[medical]'") from None
    return nibabel
