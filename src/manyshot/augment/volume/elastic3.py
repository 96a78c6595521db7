"""Elastic deformation of volumes: smooth random displacements."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.image.geometric.warp import PADDING_MODES, Points, Size
from manyshot.augment.ops.op import Params, check_choice, check_number
from manyshot.augment.volume.warp3 import Warp3
from manyshot.base import InputError

AT_CORNERS = (1 / 36 + 16 / 36 + 1 / 36) ** 1.5
"""Standard deviation of a cubic B-spline surface at a corner of its grid, for control points of deviation 1."""


@dataclass(frozen=True)
class Elastic3(Warp3):
    """Deform each volume by a smooth random displacement field.

    The field is a cubic B-spline (Rueckert et al. 1999) over a grid of cells x cells x cells, twice continuously
    differentiable; its control points are drawn from a normal distribution, so the mean displacement is 0. The output
    at x shows the input at `x + displacement(x)`.

    Args:
        strength: Standard deviation of the displacement along each axis, as a fraction of half the volume.
        cells: Number of grid cells per side; few bend the whole volume, many wrinkle it.
        in_plane: Whether voxels stay in their slice: for scans whose slices are thick.
        padding_mode: What is shown beyond the volume: zeros, border or reflection.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> Elastic3(strength=0.05, cells=4)(torch.rand(2, 1, 16, 20, 18)).shape
        torch.Size([2, 1, 16, 20, 18])
    """

    strength: float = 0.05
    cells: int = 4
    in_plane: bool = False
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        check_number(self, "strength", high=2)
        check_number(self, "cells", low=1, high=64, whole=True)
        check_choice(self, "padding_mode", PADDING_MODES)
        if not isinstance(self.in_plane, bool):
            raise InputError(f"{type(self).__name__}: in_plane={self.in_plane!r}: give True or False")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `displacement [n, 3, cells + 3, cells + 3, cells + 3]`: (x, y, z) of the control points."""
        side = self.cells + 3
        control = torch.randn(n, 3, side, side, side, generator=generator) * (self.strength / AT_CORNERS)
        if self.in_plane:
            control[:, 2] = 0.0
        return {"displacement": control}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Add the field's value at each point; differentiable in points and params."""
        if not len(points):
            return points
        return points + spline(params["displacement"].to(points), points)


def spline(control: Float[Tensor, "n c k k k"], points: Points) -> Float[Tensor, "n *grid c"]:
    """Evaluate a cubic B-spline over the volume; points beyond it have the value at the border.

    The weights of a cubic B-spline are positive, so 64 control points are eight linear interpolations between pairs
    (Sigg and Hadwiger 2005).

    Args:
        control: Control points of k - 3 cells per side, on axes (z, y, x).
        points: Points (x, y, z), -1 to 1.

    Example:
        >>> spline(torch.ones(1, 1, 4, 4, 4), torch.zeros(1, 2, 3)).flatten().round(decimals=4).tolist()
        [1.0, 1.0]
    """
    side = control.shape[-1]
    cells = side - 3
    at = (points.flatten(1, -2).clamp(-1, 1) + 1) / 2 * cells
    first = at.detach().floor().clamp(0, cells - 1)
    t = at - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    low, high = (weights[0] + weights[1]) / 6, (weights[2] + weights[3]) / 6
    places = torch.stack((first + weights[1] / 6 / low, first + 2 + weights[3] / 6 / high))
    places = 2 * places / (side - 1) - 1
    total = torch.zeros(len(points), control.shape[1], at.shape[1], dtype=points.dtype, device=points.device)
    for corner in range(8):
        upper = [corner >> axis & 1 for axis in range(3)]
        weight = torch.stack([(high if up else low)[..., axis] for axis, up in enumerate(upper)]).prod(0)
        place = torch.stack([places[up, ..., axis] for axis, up in enumerate(upper)], -1)
        sample = F.grid_sample(control, place[:, :, None, None], align_corners=True)
        total = total + weight[:, None] * sample.flatten(2)
    return total.movedim(1, -1).reshape(*points.shape[:-1], control.shape[1])
