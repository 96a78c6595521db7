"""Gaussian noise that can be reproduced from a seed on any device."""

from dataclasses import dataclass
from math import tau
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from manyshot.augment.image.image_op import IMAGES_AND_VOLUMES, ImageOp, per_item
from manyshot.augment.ops.op import Params, check_number, seeds, uniform


class GaussianNoiseOp(ImageOp):
    """An op that adds or multiplies by Gaussian noise of random strength, up to its option `strength`."""

    takes: ClassVar[tuple[str, ...]] = IMAGES_AND_VOLUMES

    strength: float

    def __post_init__(self) -> None:
        check_number(self, "strength", high=10)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `strength [n]` and `seed [n]`."""
        return {"strength": uniform(n, 0.0, self.strength, generator), "seed": seeds(n, generator)}

    def noise(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """The noise of each value of the images: its strength times a normal number."""
        strength = per_item(params["strength"], images)
        normal = gaussian(params["seed"].to(images.device), images[:1].numel() if len(images) else 0).to(images)
        return strength * normal.view(images.shape)


@dataclass(frozen=True)
class Noise(GaussianNoiseOp):
    """Add Gaussian noise of random strength to each image: `clamp(x + strength * z, 0, 1)`, z ~ N(0, 1).

    z is a hash of (seed, position in the image), so the drawn seed is enough to reproduce it.

    Args:
        strength: Largest standard deviation, where black is 0 and white is 1; each image draws its own.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = Noise(strength=0.1)
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> images = torch.rand(8, 1, 28, 28)
        >>> bool(op.apply(images, params).equal(op.apply(images, params)))
        True
    """

    strength: float = 0.1

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Add the noise; differentiable in images and strength."""
        return (images + self.noise(images, params)).clamp(0, 1)


def gaussian(seed: Int[Tensor, "n"], count: int) -> Float[Tensor, "n count"]:
    """Return `count` standard normal numbers per seed, by the Box-Muller transform (1958).

    Example:
        >>> gaussian(torch.tensor([7]), 100_000).std().round(decimals=2)
        tensor(1.)
    """
    first, second = uniforms(seed, (count + 1) // 2)
    radius = (-2 * first.log()).sqrt()
    return torch.cat((radius * (tau * second).cos(), radius * (tau * second).sin()), 1)[:, :count]


def uniforms(seed: Int[Tensor, "n"], count: int) -> tuple[Float[Tensor, "n count"], Float[Tensor, "n count"]]:
    """Return two uniform numbers in (0, 1] for each seed and each index below `count`.

    Both come from one 64-bit hash of (seed, index), the finalizer of SplitMix64 (Steele, Lea and Flood 2014).

    Example:
        >>> first, second = uniforms(torch.tensor([7]), 100_000)
        >>> first.mean().round(decimals=2), second.mean().round(decimals=2)
        (tensor(0.5000), tensor(0.5000))
    """
    index = torch.arange(count, device=seed.device)
    bits = _mix(_mix(seed)[:, None] + index * _GOLDEN)
    scale = 2.0**-24
    return ((bits & 0xFFFFFF) + 1).float() * scale, ((bits >> 40 & 0xFFFFFF) + 1).float() * scale


def _signed(word: int) -> int:
    """Return the 64-bit word as a signed integer: torch has no unsigned arithmetic."""
    return word - (1 << 64) if word >> 63 else word


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _mix(bits: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    # The mask turns torch's arithmetic shift into a logical one.
    bits = (bits ^ (bits >> 30 & (1 << 34) - 1)) * _FIRST
    bits = (bits ^ (bits >> 27 & (1 << 37) - 1)) * _SECOND
    return bits ^ (bits >> 31 & (1 << 33) - 1)
