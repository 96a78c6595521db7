"""Volumes for encoders of pictures: slices across all three axes."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

SLICES = 4
"""Slices across each axis, at 1/8, 3/8, 5/8 and 7/8 of it."""
VIEWS = 3 * SLICES
"""Slices of a volume."""


def are_volumes(items: Tensor) -> bool:
    """Whether items are volumes `[n, c, d, h, w]`.

    Example:
        >>> are_volumes(torch.zeros(1, 1, 4, 4, 4)), are_volumes(torch.zeros(1, 1, 4, 4))
        (True, False)
    """
    return items.ndim == 5


def slices_of(volumes: Float[Tensor, "n c d h w"], size: int) -> Float[Tensor, "slices c size size"]:
    """Take 12 slices of each volume as pictures of one size, four across each axis; the first row of each is the top.

    Args:
        volumes: Volumes RAS+, axes (z, y, x).
        size: Height and width of the pictures, to which slices are stretched.

    Returns:
        The slices of the first volume, those of the second, ...

    Example:
        >>> slices_of(torch.rand(2, 1, 8, 12, 10), 16).shape
        torch.Size([24, 1, 16, 16])
    """
    found = []
    for axis in (2, 3, 4):
        places = ((torch.arange(SLICES) * 2 + 1) * volumes.shape[axis]) // (2 * SLICES)
        planes = volumes.index_select(axis, places.to(volumes.device)).movedim(axis, 1).flatten(0, 1)
        resized = F.interpolate(planes, (size, size), mode="bilinear", antialias=True).flip(2)
        found.append(resized.view(len(volumes), SLICES, *resized.shape[1:]))
    return torch.cat(found, 1).flatten(0, 1)
