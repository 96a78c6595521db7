"""Warps: ops that move pixels. Each says which input point every output point shows, so several share one resampling.

Points are (x, y) from -1 to 1 over the image's outer edges, as in `grid_sample(align_corners=False)`: pixel i of w has
its center at (2 i + 1) / w - 1. The same params therefore hold for images of every size.
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


Points = Float[Tensor, "n h w 2"]
"""Points (x, y) of n images, from -1 to 1."""


class Warp(ImageOp):
    """Base class of ops that move pixels.

    `exact` is True for warps that move whole pixels without interpolation; such a warp overrides `change`.
    """

    exact: ClassVar[bool] = False

    @property
    def padding_mode(self) -> str | None:
        """What lies beyond the image, one of `PADDING_MODES`; None for a warp that never samples there."""
        return None

    @abstractmethod
    def where(self, points: Points, params: Params, size: tuple[int, int]) -> Points:
        """Return the input point that each output point shows.

        Args:
            points: Output points (x, y), -1 to 1.
            params: Params of n images.
            size: (height, width) of the images in pixels.
        """

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Resample each image once, bilinearly; differentiable in images and params."""
        size = (images.shape[2], images.shape[3])
        return resample(images, self.where(pixels(images), params, size), self.padding_mode or "border")


def pixels(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n h w 2"]:
    """Return the centers (x, y) of the pixels of images.

    Example:
        >>> pixels(torch.zeros(1, 1, 1, 2)).tolist()
        [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    n, _, h, w = images.shape
    x = (torch.arange(w, device=images.device, dtype=images.dtype) * 2 + 1) / w - 1
    y = (torch.arange(h, device=images.device, dtype=images.dtype) * 2 + 1) / h - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).expand(n, h, w, 2)


def resample(
    images: Float[Tensor, "n c h w"], points: Float[Tensor, "n h2 w2 2"], padding_mode: str
) -> Float[Tensor, "n c h2 w2"]:
    """Sample each image at its points, bilinearly; `padding_mode` is one of `PADDING_MODES`.

    Example:
        >>> images = torch.rand(2, 3, 4, 5)
        >>> torch.allclose(resample(images, pixels(images), "zeros"), images, atol=1e-5)
        True
    """
    if not len(images):
        return images.new_empty(0, images.shape[1], *points.shape[1:3])
    return F.grid_sample(images, points, mode="bilinear", padding_mode=padding_mode, align_corners=False)


def settle(points: Float[Tensor, "n h w 2"], padding_mode: str, size: tuple[int, int]) -> Float[Tensor, "n h w 2"]:
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
        last = 1 - 1 / points.new_tensor([size[1], size[0]])
        return torch.minimum(torch.maximum(points, -last), last)
    return 1 - (torch.remainder(points + 1, 4) - 2).abs()
