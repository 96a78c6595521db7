"""Sharpness: blend an image with a smoothed copy, or extrapolate away from it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, uniform


@dataclass(frozen=True)
class Sharpness(ImageOp):
    """Sharpen or soften each image by a random factor: `s + factor (x - s)`, where s is the smoothed image.

    s is the mean over 3 x 3 neighbors in which the pixel itself has weight five, as in Pillow's `ImageEnhance`; the
    outermost pixels do not change.

    Compiled by `manyshot.augment.engine.kernels.neighborhoods`.

    Args:
        strength: Largest change of the factor from 1; a factor of 0 gives the smoothed image.

    Raises:
        InputError: If the strength is negative.

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

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Blend with the smoothed image; differentiable in images and factor."""
        h, w = images.shape[2:]
        if h < 3 or w < 3:
            return images
        inner = images[..., 1:-1, 1:-1]
        rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
        smooth = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + 4 * inner) / 13
        factor = params["factor"].to(images)[:, None, None, None]
        result = images.clone()
        result[..., 1:-1, 1:-1] = torch.lerp(smooth, inner, factor.expand_as(inner)).clamp(0, 1)
        return result
