"""Warps of volumes: ops that move voxels. Runs of them share one resampling, on the CPU by one kernel.

Points are (x, y, z) from -1 to 1, as in `manyshot.augment.image.geometric.warp`; x runs along the last axis. In volumes
that Manyshot reads, x points to the person's right, y to the front and z up.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.geometric.warp import Points, Size, Warp
from manyshot.augment.ops.op import Params


class Warp3(Warp):
    """Base class of ops that move the voxels of volumes `[n, c, d, h, w]`."""

    takes: ClassVar[tuple[str, ...]] = ("volumes",)

    def change(self, images: Float[Tensor, "n c d h w"], params: Params) -> Float[Tensor, "n c d h w"]:
        """Resample each volume once, trilinearly; differentiable in volumes and params."""
        from manyshot.augment.volume.volume_resampler import Step, resample_steps  # numba takes half a second to import

        done = resample_steps(images, [Step(self, params, None)], self.padding_mode or "border")
        return super().change(images, params) if done is None else done


class LinearWarp3(Warp3):
    """Base class of warps that are one affine map per volume."""

    @abstractmethod
    def inverse(self, params: Params, size: Size) -> Float[Tensor, "n 3 3"]:
        """Return the linear part of the map from output to input points; `size` is (depth, height, width)."""

    @abstractmethod
    def shift_of(self, params: Params) -> Float[Tensor, "n 3"]:
        """Return the translation of each volume, after the linear part of the map from input to output points."""

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Apply the inverse map to the points; differentiable in points and params."""
        inverse, shift = self.inverse(params, size).to(points), self.shift_of(params).to(points)
        offset = -torch.einsum("nij,nj->ni", inverse, shift)
        return torch.baddbmm(offset[:, None], points.flatten(1, -2), inverse.mT).view_as(points)
