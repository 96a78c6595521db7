"""Linear color ops: brightness, contrast, saturation and hue.

Each is one affine map of a pixel's channels, so consecutive ops can be multiplied into one map: the map of an image
depends on its params and its mean color, and the mean color after a map is that map of the mean. They are compiled by
`manyshot.augment.engine.pixelwise` to one matrix per image.
"""

from abc import abstractmethod
from dataclasses import dataclass
from math import tau
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import IMAGES_AND_VOLUMES, ImageOp, check_channels
from manyshot.augment.ops.op import Params, check_number, uniform

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma (ITU-R BT.601)."""
YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
"""Rows that map (red, green, blue) to luma and two chroma axes."""


class ColorOp(ImageOp):
    """Base class of ops that apply one affine map to the channels of every pixel of an image, then clamp to 0..1."""

    takes: ClassVar[tuple[str, ...]] = IMAGES_AND_VOLUMES

    @abstractmethod
    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Return the map of each image, `[linear part, offset]`, given the mean of each channel of its input."""

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Map every pixel; differentiable in images and params where nothing is clamped."""
        maps = self.maps(params, channel_means(images))
        return torch.baddbmm(maps[..., -1:], maps[..., :-1], images.flatten(2)).view(images.shape).clamp(0, 1)


class FactorOp(ColorOp):
    """A color op of one random factor, which differs from 1 by up to its option `strength`."""

    strength: float

    def __post_init__(self) -> None:
        check_number(self, "strength")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `factor [n]`."""
        return {"factor": uniform(n, max(0.0, 1 - self.strength), 1 + self.strength, generator)}


@dataclass(frozen=True)
class Brightness(FactorOp):
    """Multiply each image by a random factor.

    Args:
        strength: Largest change of the factor from 1.

    Raises:
        InputError: If the strength is negative.

    Example:
        >>> Brightness().apply(torch.full((1, 1, 1, 1), 0.5), {"factor": torch.tensor([1.5])}).item()
        0.75
    """

    strength: float = 0.2

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Every channel times the factor."""
        factor = params["factor"].to(mean)[:, None, None]
        return with_offset(factor * identity(mean), torch.zeros_like(mean))


@dataclass(frozen=True)
class Contrast(FactorOp):
    """Change the contrast of each image by a random factor: `gray + factor (x - gray)`.

    gray is the mean luma of the image, or the mean of all channels if there are not three.

    Args:
        strength: Largest change of the factor from 1.

    Raises:
        InputError: If the strength is negative.

    Example:
        >>> Contrast().apply(torch.tensor([[[[0.25, 0.75]]]]), {"factor": torch.tensor([0.0])}).tolist()
        [[[[0.5, 0.5]]]]
    """

    strength: float = 0.2

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Every channel times the factor, plus the rest of the mean gray."""
        factor = params["factor"].to(mean)[:, None]
        gray = (mean @ mean.new_tensor(LUMA))[:, None] if mean.shape[1] == 3 else mean.mean(1, keepdim=True)
        return with_offset(factor[..., None] * identity(mean), ((1 - factor) * gray).expand_as(mean))


@dataclass(frozen=True)
class Saturation(FactorOp):
    """Change the saturation of each image by a random factor: `gray + factor (x - gray)`.

    gray is the luma of the pixel. Images with one channel do not change.

    Args:
        strength: Largest change of the factor from 1; a factor of 0 gives a gray image.

    Raises:
        InputError: If the strength is negative; when applied, if images have other than 1 or 3 channels.

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> Saturation().apply(red, {"factor": torch.tensor([0.0])}).flatten()
        tensor([0.2990, 0.2990, 0.2990])
    """

    strength: float = 0.2

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """The factor times the pixel, plus the rest of its luma in every channel."""
        factor = params["factor"].to(mean)[:, None, None]
        if not is_color(self, mean):
            return with_offset(identity(mean), torch.zeros_like(mean))
        linear = factor * identity(mean) + (1 - factor) * mean.new_tensor(LUMA)
        return with_offset(linear, torch.zeros_like(mean))


@dataclass(frozen=True)
class Hue(ColorOp):
    """Rotate the hue of each image by a random angle.

    The rotation acts on I and Q of the YIQ space, so luma does not change. Images with one channel do not change.

    Args:
        strength: Largest rotation as a fraction of a full turn; drawn from -strength to +strength, at most 0.5.

    Raises:
        InputError: If the strength is outside 0 to 0.5; when applied, if images have other than 1 or 3 channels.

    Example:
        >>> images = torch.rand(1, 3, 2, 2) / 4 + 0.4
        >>> op = Hue()
        >>> turned = op.apply(images, {"turn": torch.tensor([0.1])})
        >>> torch.allclose(op.apply(turned, {"turn": torch.tensor([-0.1])}), images, atol=1e-5)
        True
    """

    strength: float = 0.05

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength", high=0.5)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `turn [n]`, in full turns."""
        return {"turn": uniform(n, -self.strength, self.strength, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """To YIQ, rotate, and back."""
        if not is_color(self, mean):
            return with_offset(identity(mean), torch.zeros_like(mean))
        angle = tau * params["turn"].to(mean)
        cos, sin, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
        turn = torch.stack((one, zero, zero, zero, cos, -sin, zero, sin, cos), -1).view(-1, 3, 3)
        to_yiq = torch.tensor(YIQ, dtype=torch.float64)
        from_rgb, to_rgb = to_yiq.to(mean), to_yiq.inverse().to(mean)
        return with_offset(to_rgb @ turn @ from_rgb, torch.zeros_like(mean))


def channel_means(images: Float[Tensor, "n c *size"]) -> Float[Tensor, "n c"]:
    """Return the mean of each channel of images or volumes."""
    return images.mean(tuple(range(2, images.ndim)))


def identity(mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c"]:
    """Return the linear part of the identity map of each image."""
    n, c = mean.shape
    return torch.eye(c, dtype=mean.dtype, device=mean.device).expand(n, c, c)


def with_offset(linear: Float[Tensor, "n c c"], offset: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
    """Join a linear part and an offset into a map."""
    return torch.cat((linear, offset[..., None]), -1)


def is_color(op: object, mean: Float[Tensor, "n c"]) -> bool:
    """Whether images have color, by their number of channels.

    Raises:
        InputError: If the op does not support the number of channels; the message names the op.
    """
    check_channels(op, mean.shape[1])
    return mean.shape[1] == 3
