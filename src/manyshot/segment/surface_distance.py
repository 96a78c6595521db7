"""Distance between the surfaces of two masks: the 95th percentile, in millimeters."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt


def hausdorff_95(
    predicted: Bool[np.ndarray, "*size"], true: Bool[np.ndarray, "*size"], spacing: Sequence[float]
) -> float | None:
    """The 95 % Hausdorff distance of two masks (Huttenlocher et al. 1993), as MONAI and MetricsReloaded define it.

    The surface of a mask is the set of its pixels that touch the outside by a side, border pixels of the array
    included. Of the distances from each surface pixel of one mask to the nearest surface pixel of the other, the
    95th percentile is taken each way, and the larger of the two is returned.

    Args:
        predicted: Mask.
        true: Mask of the same size.
        spacing: Distance of neighboring pixels along each axis, in millimeters.

    Returns:
        Millimeters; 0 if both masks are empty, and None if one of them is, since there is no distance then.

    Example:
        >>> a, b = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
        >>> a[2, 2] = b[2, 5] = True
        >>> hausdorff_95(a, b, (1.0, 0.5))
        1.5
    """
    if not predicted.any() or not true.any():
        return None if predicted.any() or true.any() else 0.0
    # What is far from both masks does not matter; the box around them has the same distances.
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in (predicted | true).nonzero())
    surfaces = [_surface(mask[box]) for mask in (predicted, true)]
    ways = [
        np.percentile(distance_transform_edt(~there, sampling=tuple(spacing))[here], 95)
        for here, there in (surfaces, surfaces[::-1])
    ]
    return float(max(ways))


def _surface(mask: Bool[np.ndarray, "*size"]) -> NDArray[np.bool_]:
    surface: NDArray[np.bool_] = mask & ~binary_erosion(mask)
    return surface
