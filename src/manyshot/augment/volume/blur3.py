"""Gaussian blur of volumes."""

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number, uniform
from manyshot.augment.volume.along_axis_op import AlongAxisOp


@dataclass(frozen=True)
class Blur3(AlongAxisOp):
    """Blur each volume with a Gaussian of random width along all axes; border voxels repeat beyond the volume.

    The weights are those of `Blur`. Any values are allowed; none leaves the range of its volume.

    Args:
        sigma: Largest standard deviation in voxels; each volume draws its own from 0 up to it.
        in_plane: Whether slices are blurred each within itself.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> Blur3()(torch.rand(2, 1, 8, 9, 10)).shape
        torch.Size([2, 1, 8, 9, 10])
    """

    sigma: float = 1.0
    in_plane: bool = False

    def __post_init__(self) -> None:
        check_number(self, "sigma", high=100)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `sigma [n]`, in voxels."""
        return {"sigma": uniform(n, 0.0, self.sigma, generator)}

    def matrices(self, params: Params, side: int, axis: int, like: Tensor) -> Float[Tensor, "n side side"] | None:
        """Return the weights of all voxels of a line for each of its voxels."""
        if axis == 0 and self.in_plane:
            return None
        reach = ceil(3 * self.sigma)
        offset = torch.arange(-reach, reach + 1, device=like.device)
        sigma = params["sigma"].to(like).clamp(min=1e-3)[:, None]
        weights = (-(offset**2) / (2 * sigma**2)).exp()
        weights = weights / weights.sum(1, keepdim=True)
        source = (torch.arange(side, device=like.device)[:, None] + offset).clamp(0, side - 1)
        matrices = torch.zeros(len(sigma), side, side, dtype=like.dtype, device=like.device)
        return matrices.scatter_add(2, source.expand(len(sigma), -1, -1), weights[:, None].expand(-1, side, -1))
