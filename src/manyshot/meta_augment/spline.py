"""Smooth displacement fields that cannot fold: cubic B-splines with bounded coefficients (Choi and Lee 2000)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.cubic_spline import cubic_weights
from manyshot.augment.image.geometric.warp import Points, Size, Warp, pixels
from manyshot.augment.ops.op import Params, check_number

FOLDLESS = 0.48
"""Bound of the coefficients, in units of the distance of knots, below which the map is one-to-one: 1 / 2.0464."""


@dataclass(frozen=True)
class Spline(Warp):
    """Displace each image by a cubic B-spline field whose coefficients are too small to fold it.

    The output at x shows the input at `x + sum_ij B_i(x) B_j(y) c_ij`. Knots divide the image into cells x cells
    squares of side `2 / cells`; if no coefficient is larger than `FOLDLESS` times that side, the map is one-to-one.
    Unlike `Elastic`, whose field interpolates given displacements, this field is given by its coefficients, each of
    which moves at most four cells along each axis.

    Args:
        cells: Number of squares along each side.
        strength: Standard deviation of the drawn coefficients, before they are bounded (see `bounded`).

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> Spline(cells=4)(torch.rand(8, 1, 28, 28)).shape
        torch.Size([8, 1, 28, 28])
    """

    cells: int = 4
    strength: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "cells", low=1, high=64, whole=True)
        check_number(self, "strength", high=2)

    @property
    def padding_mode(self) -> str:
        """Beyond the image, pixels are 0."""
        return "zeros"

    @property
    def bound(self) -> float:
        """Bound of the coefficients, in units of half the image."""
        return FOLDLESS * 2 / self.cells

    def bounded(self, raw: Tensor) -> Tensor:
        """Map any numbers to coefficients that do not fold the image: `bound * tanh(raw / bound)`."""
        return self.bound * (raw / self.bound).tanh()

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `coefficients [n, 2, cells + 3, cells + 3]`, those of x first."""
        side = self.cells + 3
        return {"coefficients": self.bounded(self.strength * torch.randn(n, 2, side, side, generator=generator))}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Add the field's value at each point; differentiable in points and params."""
        coefficients: Tensor = params["coefficients"].to(points)
        if points.equal(pixels(points.new_empty(1, 1, *size)).expand_as(points)):
            # On the pixel grid the two axes separate, which is many times faster.
            rows, columns = self.basis(points[0, :, 0, 1]), self.basis(points[0, 0, :, 0])
            field = rows @ coefficients @ columns.mT
            return points + field.permute(0, 2, 3, 1)
        columns, rows = self.basis(points[..., 0]), self.basis(points[..., 1])
        return points + torch.einsum("nhwi,ncij,nhwj->nhwc", rows, coefficients, columns)

    def basis(self, positions: Float[Tensor, "*n"]) -> Float[Tensor, "*n knots"]:
        """Weights of the cells + 3 coefficients of an axis at positions from -1 to 1; positions beyond are clamped."""
        return cubic_weights(positions, self.cells)
