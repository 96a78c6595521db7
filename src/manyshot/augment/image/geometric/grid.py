"""Distortions controlled by a grid: stretched rows and columns, and thin-plate splines."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import PADDING_MODES, Points, Size, Warp
from manyshot.augment.ops.op import Params, check_choice, check_number, factor


@dataclass(frozen=True)
class GridDistort(Warp):
    """Stretch some columns and rows of each image and squeeze others; the outer edges do not move.

    The image is divided into cells x cells parts, whose widths and heights are multiplied by random factors and
    rescaled to fill the image.

    Args:
        strength: Largest stretch of a cell; factors are drawn from 1/strength to strength.
        cells: Number of parts along each axis.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> left_wider = {"stretch": torch.tensor([[[1.0, 3.0], [1.0, 1.0]]])}  # the left cell shows a quarter
        >>> ramp = torch.arange(16.0).expand(1, 1, 2, 16) / 16
        >>> [round(16 * float(value)) for value in GridDistort(cells=2).apply(ramp, left_wider)[0, 0, 0, ::5]]
        [0, 2, 7, 15]
    """

    strength: float = 1.5
    cells: int = 4

    def __post_init__(self) -> None:
        check_number(self, "strength", low=1, high=100)
        check_number(self, "cells", low=1, high=256, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `stretch [n, 2, cells]`: factors of the widths, then of the heights, of the cells in the input."""
        return {"stretch": factor(2 * n * self.cells, self.strength, generator).view(n, 2, self.cells)}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Evaluate a piecewise linear function along each axis; differentiable in points and params."""
        n, h, w, _ = points.shape
        stretch: Tensor = params["stretch"].to(points)
        widths = 2 * stretch / stretch.sum(-1, keepdim=True)
        start = widths.cumsum(-1) - widths - 1
        flat = points.flatten(1, 2).mT
        position = (flat + 1) / 2 * self.cells
        cell = position.detach().floor().clamp(0, self.cells - 1).long()
        moved = start.gather(2, cell) + (position - cell) * widths.gather(2, cell)
        return moved.mT.reshape(n, h, w, 2)


@dataclass(frozen=True)
class ThinPlate(Warp):
    """Deform each image by a thin-plate spline with random displacements at a grid of points.

    The displacement is the smoothest one with independent values ~ N(0, strength^2) at the corners of cells x cells
    squares: `a + B x + sum_k w_k U(|x - c_k|)` with `U(r) = r^2 log r` (Bookstein 1989).

    Args:
        strength: Standard deviation of the displacement along each axis, as a fraction of half the image.
        cells: Number of grid cells per side.
        padding_mode: What is shown beyond the image: zeros, border or reflection.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> images, still = torch.rand(1, 1, 28, 28), {"displacement": torch.zeros(1, 9, 2)}
        >>> torch.allclose(ThinPlate(cells=2).apply(images, still), images, atol=1e-4)
        True
    """

    strength: float = 0.1
    cells: int = 2
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        check_number(self, "strength", high=2)
        check_number(self, "cells", low=1, high=16, whole=True)
        check_choice(self, "padding_mode", PADDING_MODES)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `displacement [n, (cells + 1)^2, 2]`: (x, y) at the corners, row by row."""
        corners = (self.cells + 1) ** 2
        return {"displacement": self.strength * torch.randn(n, corners, 2, generator=generator)}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Add the displacement at each point; differentiable in points and params."""
        corners = self._corners()
        weights = self._solution(corners).to(params["displacement"]) @ params["displacement"]
        # Points that all images share, such as the pixel centers, need only one basis.
        shared = points[:1] if points.stride(0) == 0 else points
        basis = _basis(shared.flatten(1, 2), corners.to(points))
        moved: Tensor = points + (basis @ weights.to(points)).view_as(points)
        return moved

    def _corners(self) -> Float[Tensor, "k 2"]:
        line = torch.linspace(-1, 1, self.cells + 1, dtype=torch.float64)
        return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(-1, 2)

    @staticmethod
    def _solution(corners: Float[Tensor, "k 2"]) -> Float[Tensor, "k+3 k"]:
        """Matrix from displacements at the corners to weights of the basis (radial functions and an affine map)."""
        k = len(corners)
        basis = _basis(corners[None], corners)[0]
        system = torch.zeros(k + 3, k + 3, dtype=corners.dtype)
        system[:k] = basis
        system[k:, :k] = basis[:, k:].T
        inverse: Tensor = torch.linalg.inv(system)
        return inverse[:, :k]


def _basis(points: Float[Tensor, "n m 2"], corners: Float[Tensor, "k 2"]) -> Float[Tensor, "n m k+3"]:
    """Evaluate U of the distance to each corner, then 1, x and y."""
    square = (points[..., None, :] - corners).square().sum(-1)
    # r^2 log r from the square of r, whose gradient is finite at the corner itself.
    bend = 0.5 * square * square.clamp(min=1e-12).log()
    return torch.cat((bend, torch.ones_like(points[..., :1]), points), -1)
