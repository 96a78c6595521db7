"""Warps: ops that move pixels. Each says which input point every output point shows, so several share one resampling.

Points are (x, y) in images and (x, y, z) in volumes, from -1 to 1 over the outer edges, as in
`grid_sample(align_corners=False)`: pixel i of w has its center at (2 i + 1) / w - 1. The same params therefore hold for
images of every size. Sizes are (height, width) or (depth, height, width), in the order of the axes.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params

PADDING_MODES = ("zeros", "border", "reflection")
"""What warps show beyond the image: black, its border pixels or its mirror image, as in `grid_sample`."""


Points = Float[Tensor, "n *grid d"]
"""Points (x, y) of n images, or (x, y, z) of n volumes, from -1 to 1."""
Size = tuple[int, ...]
"""(height, width) of images, (depth, height, width) of volumes."""


class Warp(ImageOp):
    """Base class of ops that move pixels.

    `exact` is True for warps that move whole pixels without interpolation; such a warp overrides `change`.
    """

    exact: ClassVar[bool] = False
    unit: ClassVar[bool] = False

    @property
    def padding_mode(self) -> str | None:
        """What lies beyond the image, one of `PADDING_MODES`; None for a warp that never samples there."""
        return None

    @abstractmethod
    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Return the input point that each output point shows.

        Args:
            points: Output points, -1 to 1.
            params: Params of n images.
            size: Size of the images in pixels.
        """

    def relabel(self, masks: Tensor, params: Params) -> Tensor:
        """Change the values of masks that move with the images; most warps leave them as they are."""
        return masks

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Resample each image once, linearly along each axis; differentiable in images and params."""
        size = tuple(images.shape[2:])
        return resample(images, self.source_points(pixels(images), params, size), self.padding_mode or "border")


def pixels(images: Float[Tensor, "n c *size"]) -> Float[Tensor, "n *size d"]:
    """Return the centers of the pixels of images, (x, y), or of the voxels of volumes, (x, y, z).

    Example:
        >>> pixels(torch.zeros(1, 1, 1, 2)).tolist()
        [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    n, _, *size = images.shape
    centers = [(torch.arange(s, device=images.device, dtype=images.dtype) * 2 + 1) / s - 1 for s in size]
    return torch.stack(torch.meshgrid(*centers, indexing="ij")[::-1], -1).expand(n, *size, len(size))


def resample(
    images: Float[Tensor, "n c *size"], points: Float[Tensor, "n *grid d"], padding_mode: str
) -> Float[Tensor, "n c *grid"]:
    """Sample each image or volume at its points, linearly along each axis; `padding_mode` is one of `PADDING_MODES`.

    Example:
        >>> images = torch.rand(2, 3, 4, 5)
        >>> torch.allclose(resample(images, pixels(images), "zeros"), images, atol=1e-5)
        True
    """
    if not len(images):
        return images.new_empty(0, images.shape[1], *points.shape[1:-1])
    return F.grid_sample(images, points, mode="bilinear", padding_mode=padding_mode, align_corners=False)


def settle(points: Float[Tensor, "n *grid d"], padding_mode: str, size: Size) -> Float[Tensor, "n *grid d"]:
    """Apply the padding mode to points beyond the image, between two fused warps.

    An image that is resampled twice has lost what the first pass moved out of the frame. Settling the points between
    two fused warps gives the same result: black (a point too far away for any warp to bring back), the border or the
    reflection.

    Example:
        >>> settle(torch.tensor([[[[1.5, 0.0]]]]), "reflection", (4, 4)).tolist()
        [[[[0.5, 0.0]]]]
    """
    if padding_mode == "zeros":
        outside = (points.abs() > 1).any(-1, keepdim=True)
        return points.masked_fill(outside, 1e4)
    if padding_mode == "border":
        last = 1 - 1 / points.new_tensor(size[::-1])
        return torch.minimum(torch.maximum(points, -last), last)
    return 1 - (torch.remainder(points + 1, 4) - 2).abs()
