"""Crops: of a padded image, pixel by pixel, and of a part of it, resized to the original size."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import PADDING_MODES, Points, Size, Warp
from manyshot.augment.ops.op import Params, check_choice, check_number, factor, uniform


@dataclass(frozen=True)
class Crop(Warp):
    """Pad each image and cut out a random window of the original size.

    This shifts the image by whole pixels, without interpolation. Compiled by `manyshot.augment.engine.geometry`.

    Args:
        padding: Largest shift along each axis, as a fraction of the image's side.
        padding_mode: What the image is padded with: zeros, border or reflection.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = Crop(padding=0.5)
        >>> op.apply(torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]]), {"shift": torch.tensor([[0.25, 0.0]])}).tolist()
        [[[[2.0, 3.0, 4.0, 0.0]]]]
    """

    padding: float = 0.125
    padding_mode: str = "zeros"

    exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "padding", high=1)
        check_choice(self, "padding_mode", PADDING_MODES)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `shift [n, 2]` (x, y), a fraction of the image's sides, rounded to whole pixels."""
        return {"shift": uniform(2 * n, -self.padding, self.padding, generator).view(n, 2)}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Shift the points."""
        sides = torch.tensor([size[1], size[0]], device=points.device)
        return points + (2 * steps(params, size).to(points.device) / sides).to(points)[:, None, None]

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Shift the images; differentiable in images."""
        n, c, h, w = images.shape
        step = steps(params, (h, w)).to(images.device)
        column = step[:, :1] + torch.arange(w, device=images.device)
        row = step[:, 1:] + torch.arange(h, device=images.device)
        index = w * _inside(row, h, self.padding_mode)[:, :, None] + _inside(column, w, self.padding_mode)[:, None]
        moved = images.flatten(2).gather(2, index.view(n, 1, h * w).expand(n, c, h * w)).view(n, c, h, w)
        if self.padding_mode != "zeros":
            return moved
        filled = ((row >= 0) & (row < h))[:, None, :, None] & ((column >= 0) & (column < w))[:, None, None]
        return moved.masked_fill(~filled, 0)


@dataclass(frozen=True)
class ResizedCrop(Warp):
    """Crop a random part of each image and resize it to the original size.

    Compiled by `manyshot.augment.engine.geometry` to one matrix per image.

    Args:
        area: Smallest area of the crop as a fraction of the image; areas are drawn from it up to 1.
        ratio: Largest aspect ratio of the crop relative to the image's; drawn from 1/ratio to ratio.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = ResizedCrop(area=0.5)
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> bool((params["side"].prod(-1) > 0.37).all())  # a part as wide as the image cannot also be as long as drawn
        True
        >>> op.apply(torch.rand(8, 3, 32, 32), params).shape
        torch.Size([8, 3, 32, 32])
    """

    area: float = 0.5
    ratio: float = 1.33

    def __post_init__(self) -> None:
        check_number(self, "area", low=1e-4, high=1)
        check_number(self, "ratio", low=1, high=100)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `center [n, 2]` (x, y), -1 to 1 over the image, and `side [n, 2]`, fractions of the image's sides."""
        area = uniform(n, self.area, 1.0, generator)
        stretch = factor(n, self.ratio, generator)
        side = (area[:, None] * torch.stack((stretch, 1 / stretch), -1)).sqrt().clamp(max=1)
        return {"center": (1 - side) * uniform(2 * n, -1.0, 1.0, generator).view(n, 2), "side": side}

    def source_points(self, points: Points, params: Params, size: Size) -> Points:
        """Scale the points into the crop; differentiable in points and params."""
        center, side = params["center"].to(points), params["side"].to(points)
        return torch.addcmul(center[:, None, None], points, side[:, None, None])


def steps(params: Params, size: Size) -> Int[Tensor, "n 2"]:
    """Return the shifts of a crop in whole pixels, for images of (height, width) `size`."""
    shift: Tensor = params["shift"]
    return (shift * torch.tensor([size[1], size[0]], device=shift.device)).round().long()


def _inside(index: Int[Tensor, "n size"], size: int, padding_mode: str) -> Int[Tensor, "n size"]:
    """Map indices beyond the image to existing ones."""
    if padding_mode == "reflection":
        index = index % (2 * size)
        return torch.minimum(index, 2 * size - 1 - index)
    return index.clamp(0, size - 1)
