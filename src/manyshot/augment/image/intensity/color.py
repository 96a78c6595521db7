"""Linear changes of colour: brightness, contrast, saturation and hue.

Each is one affine map of a pixel's channels, so that neighbours can be multiplied into one map: the map of one image
follows from its params and its mean colour, and the mean colour after a map is that map of the mean.
"""

from abc import abstractmethod
from dataclasses import dataclass
from math import tau
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp, check_channels
from manyshot.augment.ops.op import Params, check_number, uniform

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look (ITU-R BT.601)."""
YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""Rows that take (red, green, blue) to luma and two axes of colour."""


class ColorOp(ImageOp):
    """An op that maps the channels of every pixel of an image by the same affine map, then clamps to 0..1."""

    @abstractmethod
    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """The map of each image, `[linear part, offset]`, given the mean of each channel of its input."""

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """Map every pixel; differentiable in images and params where nothing is clamped."""
        maps = self.maps(params, images.mean((2, 3)))
        return torch.baddbmm(maps[..., -1:], maps[..., :-1], images.flatten(2)).view(images.shape).clamp(0, 1)


@dataclass(frozen=True)
class Brightness(ColorOp):
    """Multiply each image by its own random factor.

    Args:
        strength: largest change of the factor from 1.

    Raises:
        InputError: for a negative strength.

    Example:
        >>> Brightness().apply(torch.full((1, 1, 1, 1), 0.5), {"factor": torch.tensor([1.5])}).item()
        0.75
    """

    strength: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "strength")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`."""
        return {"factor": _around_one(n, self.strength, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Every channel times the factor."""
        factor = params["factor"].to(mean)[:, None, None]
        return with_offset(factor * identity(mean), torch.zeros_like(mean))


@dataclass(frozen=True)
class Contrast(ColorOp):
    """Move the pixels away from their image's mean grey or towards it, by a random factor an image.

    `grey + factor (x - grey)`, where grey is the mean luma of the image (of its channels, if they are not three).

    Args:
        strength: largest change of the factor from 1.

    Raises:
        InputError: for a negative strength.

    Example:
        >>> Contrast().apply(torch.tensor([[[[0.25, 0.75]]]]), {"factor": torch.tensor([0.0])}).tolist()
        [[[[0.5, 0.5]]]]
    """

    strength: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "strength")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`."""
        return {"factor": _around_one(n, self.strength, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Every channel times the factor, plus what is left of the mean grey."""
        factor = params["factor"].to(mean)[:, None]
        grey = (mean @ mean.new_tensor(LUMA))[:, None] if mean.shape[1] == 3 else mean.mean(1, keepdim=True)
        return with_offset(factor[..., None] * identity(mean), ((1 - factor) * grey).expand_as(mean))


@dataclass(frozen=True)
class Saturation(ColorOp):
    """Move each pixel away from its own grey or towards it, by a random factor an image.

    `grey + factor (x - grey)`, where grey is the pixel's luma. Images of one channel stay as they are.

    Args:
        strength: largest change of the factor from 1; at a factor of 0 the image is grey.

    Raises:
        InputError: for a negative strength; on applying, for images of other than 1 or 3 channels.

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> Saturation().apply(red, {"factor": torch.tensor([0.0])}).flatten()
        tensor([0.2990, 0.2990, 0.2990])
    """

    strength: float = 0.2

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`."""
        return {"factor": _around_one(n, self.strength, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """The factor times the pixel, plus what is left of its luma in every channel."""
        factor = params["factor"].to(mean)[:, None, None]
        if not is_color(self, mean):
            return with_offset(identity(mean), torch.zeros_like(mean))
        linear = factor * identity(mean) + (1 - factor) * mean.new_tensor(LUMA)
        return with_offset(linear, torch.zeros_like(mean))


@dataclass(frozen=True)
class Hue(ColorOp):
    """Turn each image's colours around the grey axis by its own random angle.

    The turn is one of the plane of I and Q in the YIQ space, so luma stays. Images of one channel stay as they are.

    Args:
        strength: largest angle, either way, as a share of a whole turn.

    Raises:
        InputError: for a strength outside 0 to 0.5; on applying, for images of other than 1 or 3 channels.

    Example:
        >>> images = torch.rand(1, 3, 2, 2) / 4 + 0.4
        >>> op = Hue()
        >>> there = op.apply(images, {"turn": torch.tensor([0.1])})
        >>> torch.allclose(op.apply(there, {"turn": torch.tensor([-0.1])}), images, atol=1e-5)
        True
    """

    strength: float = 0.05

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength", high=0.5)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `turn [n]`, in whole turns."""
        return {"turn": uniform(n, -self.strength, self.strength, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """To YIQ, a turn, and back."""
        if not is_color(self, mean):
            return with_offset(identity(mean), torch.zeros_like(mean))
        angle = tau * params["turn"].to(mean)
        cos, sin, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
        turn = torch.stack((one, zero, zero, zero, cos, -sin, zero, sin, cos), -1).view(-1, 3, 3)
        to_yiq = torch.tensor(YIQ, dtype=torch.float64)
        there, back = to_yiq.to(mean), to_yiq.inverse().to(mean)
        return with_offset(back @ turn @ there, torch.zeros_like(mean))


def _around_one(n: int, strength: float, generator: Generator) -> Float[Tensor, "n"]:
    return uniform(n, max(0.0, 1 - strength), 1 + strength, generator)


def identity(mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c"]:
    """The linear part of the map of each image that changes nothing."""
    n, c = mean.shape
    return torch.eye(c, dtype=mean.dtype, device=mean.device).expand(n, c, c)


def with_offset(linear: Float[Tensor, "n c c"], offset: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
    """A map of its linear part and its offset."""
    return torch.cat((linear, offset[..., None]), -1)


def is_color(op: object, mean: Float[Tensor, "n c"]) -> bool:
    """Whether images have colours, by their number of channels.

    Raises:
        InputError: naming the op, for a number of channels that it does not take.
    """
    check_channels(op, mean.shape[1])
    return mean.shape[1] == 3
