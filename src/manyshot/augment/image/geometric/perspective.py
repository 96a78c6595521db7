"""Perspective: a flat image seen from another viewpoint."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import PADDING_MODES, Points, Size, Warp
from manyshot.augment.ops.op import Params, check_choice, check_number, uniform


@dataclass(frozen=True)
class Perspective(Warp):
    """Apply a random perspective transform (homography) to each image.

    Each corner of the output shows a point of the input near that corner, at a random displacement; these four pairs
    determine the map (Heckbert 1989).

    Compiled by `manyshot.augment.engine.geometry` to one 3 x 3 matrix per image.

    Args:
        strength: Largest displacement of a corner along each axis, as a fraction of half the image; below 0.5.
        padding_mode: What is shown beyond the image: zeros, border or reflection.

    Raises:
        InputError: If a value is out of range; from a strength of 0.5 on, a corner could fold in.

    Example:
        >>> Perspective(strength=0.3)(torch.rand(8, 1, 28, 28)).shape
        torch.Size([8, 1, 28, 28])
    """

    strength: float = 0.2
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        check_number(self, "strength", high=0.49)
        check_choice(self, "padding_mode", PADDING_MODES)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `corners [n, 4, 2]`: displacements (x, y) at top left, top right, bottom right, bottom left."""
        return {"corners": uniform(8 * n, -self.strength, self.strength, generator).view(n, 4, 2)}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Apply the homography; differentiable in points and params."""
        matrix = self.matrix(params).to(points)
        linear, offset = matrix[..., :2], matrix[:, None, :, 2]
        moved = torch.baddbmm(offset, points.flatten(1, 2), linear.mT)
        # The denominator is positive over the whole image; beyond the horizon there is nothing to show.
        scale = moved[..., 2:].clamp(min=1e-6)
        return (moved[..., :2] / scale).view_as(points)

    def matrix(self, params: Params) -> Float[Tensor, "n 3 3"]:
        """Return the homography from output to input, on (x, y, 1)."""
        corners: Tensor = params["corners"]
        rest = corners.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        a, b, c, d = (corners + rest).unbind(1)
        # Heckbert's map from the square of side 1, whose corner is the origin, to the quadrilateral a, b, c, d.
        u, v, s = b - c, d - c, a - b + c - d
        area = u[:, 0] * v[:, 1] - v[:, 0] * u[:, 1]
        g = (s[:, 0] * v[:, 1] - v[:, 0] * s[:, 1]) / area
        h = (u[:, 0] * s[:, 1] - s[:, 0] * u[:, 1]) / area
        columns = torch.stack((b - a + g[:, None] * b, d - a + h[:, None] * d, a), -1)
        unit = torch.cat((columns, torch.stack((g, h, torch.ones_like(g)), -1)[:, None]), 1)
        to_unit = corners.new_tensor([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
        return unit @ to_unit
