"""Weights of cubic B-splines, for fields that are given by few coefficients."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def cubic_weights(positions: Float[Tensor, "*n"], cells: int) -> Float[Tensor, "*n knots"]:
    """Weights of the cells + 3 coefficients of an axis at positions from -1 to 1; positions beyond are clamped.

    Example:
        >>> cubic_weights(torch.tensor([0.0]), 2)
        tensor([[0.0000, 0.1667, 0.6667, 0.1667, 0.0000]])
    """
    at = (positions.clamp(-1, 1) + 1) * (cells / 2)
    knots = torch.arange(-1, cells + 2, device=positions.device, dtype=positions.dtype)
    away = (at[..., None] - knots).abs()
    near = 2 / 3 - away.square() * (1 - away / 2)
    far = (2 - away).clamp(min=0).pow(3) / 6
    return torch.where(away < 1, near, far)


def cubic_field(coefficients: Float[Tensor, "n c *knots"], size: Sequence[int]) -> Float[Tensor, "n c *size"]:
    """The field of B-splines at the centers of a grid of pixels or voxels.

    Args:
        coefficients: cells + 3 coefficients along each axis.
        size: (height, width) or (depth, height, width) of the grid.

    Example:
        >>> cubic_field(torch.ones(1, 2, 5, 5, 5), (4, 8, 6)).mean().allclose(torch.ones(()))
        True
    """
    field = coefficients
    for axis, length in enumerate(size, start=2):
        centers = (torch.arange(length, device=field.device, dtype=field.dtype) * 2 + 1) / length - 1
        weights = cubic_weights(centers, field.shape[axis] - 3)
        field = (field.movedim(axis, -1) @ weights.mT).movedim(-1, axis)
    return field
