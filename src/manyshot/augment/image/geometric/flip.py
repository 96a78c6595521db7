"""Horizontal and vertical flips."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import Points, Size, Warp
from manyshot.augment.ops.op import Params, check_number


@dataclass(frozen=True)
class Flip(Warp):
    """Mirror an image left to right with probability p.

    Pixels are moved without interpolation. Compiled by `manyshot.augment.engine.geometry`.

    Args:
        p: Probability that an image is mirrored.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> op = Flip(p=1)
        >>> op.apply(torch.tensor([[[[1.0, 2.0, 3.0]]]]), op.sample(1, torch.Generator())).tolist()
        [[[[3.0, 2.0, 1.0]]]]
    """

    p: float = 0.5

    exact: ClassVar[bool] = True
    axis: ClassVar[int] = 0
    """Mirrored axis of (x, y)."""

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `flipped [n]`, booleans."""
        return {"flipped": torch.rand(n, generator=generator) < self.p}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Change the sign of one coordinate where the image is mirrored."""
        sign = torch.ones(len(points), 2, dtype=points.dtype, device=points.device)
        sign[:, self.axis] -= 2 * params["flipped"].to(points)
        return points * sign[:, None, None]

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Mirror the chosen images."""
        flipped: Bool[Tensor, "n"] = params["flipped"].to(images.device)
        return torch.where(flipped[:, None, None, None], images.flip(-1 - self.axis), images)


@dataclass(frozen=True)
class FlipVertical(Flip):
    """Mirror an image top to bottom with probability p, without interpolation.

    Args:
        p: Probability that an image is mirrored.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> FlipVertical(p=1)(torch.tensor([[[[1.0], [2.0]]]]), torch.Generator()).tolist()
        [[[[2.0], [1.0]]]]
    """

    axis: ClassVar[int] = 1
