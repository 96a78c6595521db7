"""Linear changes of colour that swap, drop, weigh or turn channels; they fuse with the others of `colour`."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import uniforms
from manyshot.augment.image.intensity.color import LUMA, ColorOp, identity, is_color, with_offset
from manyshot.augment.ops.op import Params, check_number, seeds, uniform


@dataclass(frozen=True)
class Grayscale(ColorOp):
    """Take the colour out of an image, with probability p: every channel becomes the luma.

    Images of one channel stay as they are.

    Args:
        p: share of images that turn grey.

    Raises:
        InputError: for a p outside 0 to 1; on applying, for images of other than 1 or 3 channels.

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> Grayscale().apply(red, {"on": torch.tensor([True])}).flatten()
        tensor([0.2990, 0.2990, 0.2990])
    """

    p: float = 0.5

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans."""
        return {"on": torch.rand(n, generator=generator) < self.p}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Luma in every channel of the images whose turn it is."""
        same = identity(mean)
        if not is_color(self, mean):
            return with_offset(same, torch.zeros_like(mean))
        on = params["on"].to(mean.device)[:, None, None]
        return with_offset(torch.where(on, mean.new_tensor(LUMA).expand_as(same), same), torch.zeros_like(mean))


@dataclass(frozen=True)
class Invert(ColorOp):
    """Show the negative of an image, with probability p: `1 - x`.

    Args:
        p: share of images that are inverted.

    Raises:
        InputError: for a p outside 0 to 1.

    Example:
        >>> Invert().apply(torch.full((1, 1, 1, 1), 0.25), {"on": torch.tensor([True])}).item()
        0.75
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans."""
        return {"on": torch.rand(n, generator=generator) < self.p}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """Minus every channel, plus one, of the images whose turn it is."""
        on = params["on"].to(mean)[:, None]
        return with_offset((1 - 2 * on)[..., None] * identity(mean), on.expand_as(mean))


@dataclass(frozen=True)
class Temperature(ColorOp):
    """Make the light of an image warmer or colder: red times `e^warmth`, blue times `e^-warmth`, green as it is.

    Images of one channel stay as they are.

    Args:
        strength: largest warmth, either way.

    Raises:
        InputError: for a negative strength; on applying, for images of other than 1 or 3 channels.

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
class ShuffleChannels(ColorOp):
    """Put the channels of an image into a random order, with probability p.

    Args:
        p: share of images whose channels are shuffled; some orders are the one that was there.

    Raises:
        InputError: for a p outside 0 to 1.

    Example:
        >>> params = {"on": torch.tensor([True]), "seed": torch.tensor([5])}
        >>> ShuffleChannels().apply(torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1), params).flatten().sort().values
        tensor([0.1000, 0.2000, 0.3000])
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and `seed [n]`, from which an order of any number of channels follows."""
        return {"on": torch.rand(n, generator=generator) < self.p, "seed": seeds(n, generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """The permutation that sorts c numbers hashed from the seed."""
        order = uniforms(params["seed"], mean.shape[1])[0].argsort(1).to(mean.device)
        same = identity(mean)
        shuffled = same.gather(1, order[..., None].expand_as(same))
        on = params["on"].to(mean.device)[:, None, None]
        return with_offset(torch.where(on, shuffled, same), torch.zeros_like(mean))


@dataclass(frozen=True)
class ChannelDrop(ColorOp):
    """Make one random channel of an image black, with probability p; a channel that stands alone stays.

    Args:
        p: share of images that lose a channel.

    Raises:
        InputError: for a p outside 0 to 1.

    Example:
        >>> params = {"on": torch.tensor([True]), "channel": torch.tensor([0.5])}
        >>> ChannelDrop().apply(torch.ones(1, 3, 1, 1), params).flatten().tolist()
        [1.0, 0.0, 1.0]
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and `channel [n]`, how far down the channels the black one is, from 0 to 1."""
        return {"on": torch.rand(n, generator=generator) < self.p, "channel": torch.rand(n, generator=generator)}

    def maps(self, params: Params, mean: Float[Tensor, "n c"]) -> Float[Tensor, "n c c+1"]:
        """A gain of 0 for one channel, of 1 for the others."""
        channels = mean.shape[1]
        place = (params["channel"] * channels).long().clamp(max=channels - 1)
        hit = (torch.arange(channels) == place[:, None]) & params["on"][:, None] & (channels > 1)
        return with_offset(torch.diag_embed(1 - hit.to(mean)), torch.zeros_like(mean))
