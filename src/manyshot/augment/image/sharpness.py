"""Sharpness: away from a smoothed copy of the image, or towards it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.op import Params, check_number, uniform


@dataclass(frozen=True)
class Sharpness:
    """Sharpen or soften each image by a random factor: `s + factor (x - s)`, where s is smoothed.

    s is the mean of the 3 x 3 neighbours in which the pixel itself counts five times, as in Pillow's `ImageEnhance`;
    the outermost pixels stay.

    Args:
        strength: largest change of the factor from 1; at a factor of 0 the image is the smoothed one.

    Raises:
        InputError: for a negative strength.

    Example:
        >>> dot = torch.zeros(1, 1, 3, 3)
        >>> dot[..., 1, 1] = 0.5
        >>> Sharpness().apply(dot, {"factor": torch.tensor([0.0])})[0, 0, 1]
        tensor([0.0000, 0.1923, 0.0000])
    """

    strength: float = 0.8

    def __post_init__(self) -> None:
        check_number(self, "strength", high=100)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`."""
        return {"factor": uniform(n, max(0.0, 1 - self.strength), 1 + self.strength, generator)}

    def apply(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Blend with the smoothed image; differentiable in images and factor."""
        n, c, h, w = images.shape
        if not n or h < 3 or w < 3:
            return images
        weights = images.new_ones(1, 1, 3, 3)
        weights[..., 1, 1] = 5
        smooth = F.conv2d(images.reshape(n * c, 1, h, w), weights / 13).view(n, c, h - 2, w - 2)
        inner = images[..., 1:-1, 1:-1]
        factor = params["factor"].to(images)[:, None, None, None]
        sharp = torch.lerp(smooth, inner, factor.expand_as(inner)).clamp(0, 1)
        framed = F.pad(sharp, (1, 1, 1, 1))
        rim = torch.ones(h, w, dtype=torch.bool, device=images.device)
        rim[1:-1, 1:-1] = False
        return torch.where(rim, images, framed)
