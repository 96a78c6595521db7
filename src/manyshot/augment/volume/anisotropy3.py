"""Thick slices: volumes that were scanned coarsely along one axis."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.ops.op import Params, check_number, uniform
from manyshot.augment.volume.along_axis_op import AlongAxisOp, chosen_axes
from manyshot.augment.volume.volume_op import check_axis, draw_axes


@dataclass(frozen=True)
class Anisotropy3(AlongAxisOp):
    """Show each volume as if it had been scanned in thick slices along one axis (Billot et al. 2020).

    Lines are averaged over slices of `factor` voxels and interpolated back linearly. Any values are allowed; none
    leaves the range of its line.

    Args:
        factor: Largest thickness of a slice in voxels; each volume draws its own from 1 up to it.
        axis: The axis across the slices: z, y or x; any draws one for each volume.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> line = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 1, 4, 1, 1)
        >>> Anisotropy3(2, axis="z").apply(line, {"factor": torch.tensor([2.0]), "axis": torch.tensor([0])}).flatten()
        tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """

    factor: float = 4.0
    axis: str = "any"

    def __post_init__(self) -> None:
        check_number(self, "factor", low=1, high=100)
        check_axis(self)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]` and `axis [n]`, 0 to 2 for z, y and x."""
        axis = draw_axes(self.axis, n, generator)
        return {"factor": uniform(n, 1.0, self.factor, generator), "axis": axis}

    def matrices(self, params: Params, side: int, axis: int, like: Tensor) -> Float[Tensor, "n side side"]:
        """Return for each line the product of averaging and interpolating."""
        chosen = params["axis"].to(like.device)
        factor = params["factor"].to(like).clamp(min=1)
        slices = (side / factor).ceil().clamp(min=1)
        # Slice s reaches from s * side / slices to the next; the voxel v from v to v + 1.
        thickness = (side / slices)[:, None, None]
        voxel = torch.arange(side, device=like.device, dtype=like.dtype)
        edge = voxel[:, None] * thickness
        overlap = torch.minimum(voxel + 1, edge + thickness) - torch.maximum(voxel, edge)
        mean = overlap.clamp(min=0) / thickness
        place = ((voxel + 0.5) / thickness[:, 0] - 0.5).clamp(min=0).minimum(slices[:, None] - 1)
        back = (1 - (place[..., None] - voxel).abs()).clamp(min=0)
        return chosen_axes(chosen, axis, back @ mean)
