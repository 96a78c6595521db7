"""Thicker and thinner strokes by grayscale morphology."""

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import Params, check_number, uniform


@dataclass(frozen=True)
class StrokeWidth(ImageOp):
    """Thicken or thin the bright strokes of each image (ink is 1, paper 0) by a random amount.

    With D_k the largest value within k pixels (along the axes at odd steps, along the diagonals too at even ones: an
    octagon) and C_k the closing, the smallest value of D_k within k pixels, let `L_k = D_k - (C_k - x) / 2`. A width w
    between k and k + 1 gives the blend `(k + 1 - w) L_k + (w - k) L_k+1`; a negative width does the same to the paper,
    which thins the ink. With D_k alone, narrow gaps would close and thin strokes vanish; L_k keeps
    half of their paper or ink, and so the class.

    Args:
        strength: Largest change of width in pixels that a stroke gains or loses on each side.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> dot = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
        >>> StrokeWidth().apply(dot, {"width": torch.tensor([0.5])}).tolist()
        [[[[0.0, 0.5, 1.0, 0.5, 0.0]]]]
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "strength", high=20)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `width [n]`, in pixels."""
        return {"width": uniform(n, -self.strength, self.strength, generator)}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Blend the two nearest whole widths; differentiable in images and width."""
        width: Tensor = params["width"].to(images)[:, None, None, None]
        # The minimum of values is minus the maximum of minus values: one loop serves ink and paper.
        sign = torch.where(width < 0, -1.0, 1.0).to(images)
        before = sign * images
        result = (1 - width.abs()).clamp(min=0) * before
        for steps in range(1, ceil(self.strength) + 1):
            grown = _grow(before, steps)
            closed = -_grow(-grown, steps)
            level = grown - (closed - before) / 2
            result = result + (1 - (width.abs() - steps).abs()).clamp(min=0) * level
        return sign * result


def _grow(images: Float[Tensor, "n c h w"], steps: int) -> Float[Tensor, "n c h w"]:
    """Maximum over an octagon with this number of steps."""
    for step in range(1, steps + 1):
        images = _cross(images) if step % 2 else _square(images)
    return images


def _cross(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    return torch.maximum(_along(images, -1), _along(images, -2))


def _square(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    return _along(_along(images, -1), -2)


def _along(images: Float[Tensor, "n c h w"], axis: int) -> Float[Tensor, "n c h w"]:
    """Maximum of three neighbors along one axis."""
    size = images.shape[axis]
    padded = F.pad(images, (1, 1, 0, 0) if axis == -1 else (0, 0, 1, 1), value=float("-inf"))
    return torch.maximum(torch.maximum(padded.narrow(axis, 0, size), padded.narrow(axis, 2, size)), images)
