"""Linear color ops that permute, drop, weigh or invert channels; they combine with those of `color`."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import uniforms
from manyshot.augment.image.image_op import SwitchedOp
from manyshot.augment.image.intensity.color import LUMA, ColorOp, identity, is_color, with_offset
from manyshot.augment.ops.op import Params, check_number, seeds, uniform


@dataclass(frozen=True)
class Grayscale(SwitchedOp, ColorOp):
    """Convert an image to grayscale with probability p: every channel becomes the luma.

    Images with one channel do not change.

    Args:
        p: Probability that an image becomes gray.

    Raises:
        InputError: If p is outside 0 to 1; when applied, if images have other than 1 or 3 channels.

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> Grayscale().apply(red, {"on": torch.tensor([True])}).flatten()
        tensor([0.2990, 0.2990, 0.2990])
    """

    p: float = 0.5

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Luma in every channel of the chosen images."""
        same = identity(mean)
        if not is_color(self, mean):
            return with_offset(same, torch.zeros_like(mean))
        on = params["on"].to(mean.device)[:, None, None]
        return with_offset(torch.where(on, mean.new_tensor(LUMA).expand_as(same), same), torch.zeros_like(mean))


@dataclass(frozen=True)
class Invert(SwitchedOp, ColorOp):
    """Invert an image with probability p: `1 - x`.

    Args:
        p: Probability that an image is inverted.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> Invert().apply(torch.full((1, 1, 1, 1), 0.25), {"on": torch.tensor([True])}).item()
        0.75
    """

    p: float = 0.5

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """One minus every channel of the chosen images."""
        on = params["on"].to(mean)[:, None]
        return with_offset((1 - 2 * on)[..., None] * identity(mean), on.expand_as(mean))


@dataclass(frozen=True)
class Temperature(ColorOp):
    """Make the colors of an image warmer or cooler: red times `e^warmth`, blue times `e^-warmth`, green unchanged.

    Images with one channel do not change.

    Args:
        strength: Largest warmth; drawn from -strength to +strength.

    Raises:
        InputError: If the strength is negative; when applied, if images have other than 1 or 3 channels.

    Example:
        >>> warm = Temperature().apply(torch.full((1, 3, 1, 1), 0.5), {"warmth": torch.tensor([0.2])})
        >>> warm.flatten()
        tensor([0.6107, 0.5000, 0.4094])
    """

    strength: float = 0.2

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength", high=5)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `warmth [n]`."""
        return {"warmth": uniform(n, -self.strength, self.strength, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """A gain for red and its inverse for blue."""
        if not is_color(self, mean):
            return with_offset(identity(mean), torch.zeros_like(mean))
        warmth = params["warmth"].to(mean)
        gains = torch.stack((warmth.exp(), torch.ones_like(warmth), (-warmth).exp()), -1)
        return with_offset(torch.diag_embed(gains), torch.zeros_like(mean))


@dataclass(frozen=True)
class ShuffleChannels(SwitchedOp, ColorOp):
    """Put the channels of an image into random order with probability p.

    Args:
        p: Probability that the channels are shuffled; the drawn order may be the original one.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> params = {"on": torch.tensor([True]), "seed": torch.tensor([5])}
        >>> ShuffleChannels().apply(torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1), params).flatten().sort().values
        tensor([0.1000, 0.2000, 0.3000])
    """

    p: float = 0.5

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and `seed [n]`, which determines an order of any number of channels."""
        return {**super().sample(n, generator), "seed": seeds(n, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Permutation that sorts c numbers hashed from the seed."""
        order = uniforms(params["seed"], mean.shape[1])[0].argsort(1).to(mean.device)
        same = identity(mean)
        shuffled = same.gather(1, order[..., None].expand_as(same))
        on = params["on"].to(mean.device)[:, None, None]
        return with_offset(torch.where(on, shuffled, same), torch.zeros_like(mean))


@dataclass(frozen=True)
class ChannelDrop(SwitchedOp, ColorOp):
    """Set one random channel of an image to 0 with probability p; images with one channel do not change.

    Args:
        p: Probability that an image loses a channel.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> params = {"on": torch.tensor([True]), "channel": torch.tensor([0.5])}
        >>> ChannelDrop().apply(torch.ones(1, 3, 1, 1), params).flatten().tolist()
        [1.0, 0.0, 1.0]
    """

    p: float = 0.5

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and `channel [n]`, the position of the dropped channel from 0 to 1."""
        return {**super().sample(n, generator), "channel": torch.rand(n, generator=generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """A gain of 0 for one channel, of 1 for the others."""
        channels = mean.shape[1]
        index = (params["channel"] * channels).long().clamp(max=channels - 1)
        hit = (torch.arange(channels) == index[:, None]) & params["on"][:, None] & (channels > 1)
        return with_offset(torch.diag_embed(1 - hit.to(mean)), torch.zeros_like(mean))
