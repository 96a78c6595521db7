"""Random erasing (Zhong et al. 2020; DeVries and Taylor 2017)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import uniforms
from manyshot.augment.image.geometric.warp import pixels
from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_choice, check_number, factor, seeds, uniform

FILLS = ("zero", "mean", "noise")
"""Fillings of a hole: black, the mean of each channel of the image, or uniform noise."""


@dataclass(frozen=True)
class Erase(ImageOp):
    """Cut random rectangles out of each image.

    Compiled by `manyshot.augment.engine.pixelwise` to rectangles that the pass over the pixels fills.

    Args:
        area: Largest area of a hole as a fraction of the image; areas are drawn from a tenth of it up to it.
        holes: Number of rectangles per image.
        fill: Value of the holes: zero, mean (of each channel of the image) or noise (uniform).

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = Erase(area=0.2)
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> {name: list(value.shape) for name, value in params.items()}
        {'center': [8, 1, 2], 'side': [8, 1, 2], 'seed': [8]}
        >>> op.apply(torch.ones(8, 1, 28, 28), params).mean() < 1
        tensor(True)
    """

    area: float = 0.2
    holes: int = 1
    fill: str = "zero"

    def __post_init__(self) -> None:
        check_number(self, "area", high=1)
        check_number(self, "holes", low=1, high=1000, whole=True)
        check_choice(self, "fill", FILLS)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `center [n, holes, 2]`, -1 to 1, `side [n, holes, 2]`, fractions of the image, and `seed [n]`."""
        count = n * self.holes
        area = uniform(count, self.area / 10, self.area, generator)
        # Sides have a ratio of up to 3, and none is longer than the image.
        long = torch.maximum(area, area.sqrt() * factor(count, 3**0.5, generator)).clamp(max=1)
        side = torch.stack((long, area / long.clamp(min=1e-12)), -1).clamp(max=1)
        center = (1 - side) * uniform(2 * count, -1.0, 1.0, generator).view(count, 2)
        shape = (n, self.holes, 2)
        return {"center": center.view(shape), "side": side.view(shape), "seed": seeds(n, generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Fill every pixel whose center lies in a hole; differentiable in images."""
        center, side = params["center"].to(images), params["side"].to(images)
        grid = pixels(images.new_empty(1, 1, *images.shape[2:]))
        x, y = grid[0, 0, :, 0], grid[0, :, 0, 1]
        in_column = (x - center[..., :1]).abs() < side[..., :1]
        in_row = (y - center[..., 1:]).abs() < side[..., 1:]
        hole = (in_row[..., :, None] & in_column[..., None, :]).any(1)[:, None]
        return torch.where(hole, self._filling(images, params), images)

    def _filling(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n *chw"]:
        if self.fill == "zero":
            return images.new_zeros(len(images), 1, 1, 1)
        if self.fill == "mean":
            return images.mean((2, 3), keepdim=True)
        _, c, h, w = images.shape
        return uniforms(params["seed"].to(images.device), c * h * w)[0].to(images).view(images.shape)
