"""Speckle noise, and salt-and-pepper noise."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import GaussianNoiseOp, uniforms
from manyshot.augment.image.image_op import IMAGES_AND_VOLUMES, ImageOp, per_item
from manyshot.augment.ops.op import Params, check_number, seeds, uniform


@dataclass(frozen=True)
class Speckle(GaussianNoiseOp):
    """Multiply each value by a random gain: `clamp(x (1 + strength z), 0, 1)`, z ~ N(0, 1), as in ultrasound.

    Args:
        strength: Largest standard deviation of the gain; each image draws its own from 0 up to it.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> op = Speckle()
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> bool(op.apply(torch.zeros(8, 1, 28, 28), params).any())
        False
    """

    strength: float = 0.2

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Multiply by the gains; differentiable in images and strength."""
        return (images * (1 + self.noise(images, params))).clamp(0, 1)


@dataclass(frozen=True)
class SaltPepper(ImageOp):
    """Turn a random fraction of the pixels of each image white or black, in all channels.

    Args:
        fraction: Largest fraction of pixels that change, from 0 to 1; half of them turn white.

    Raises:
        InputError: If the fraction is outside 0 to 1.

    Example:
        >>> params = {"fraction": torch.tensor([0.5]), "seed": torch.tensor([3])}
        >>> noisy = SaltPepper().apply(torch.full((1, 1, 100, 100), 0.5), params)
        >>> noisy.unique().tolist()
        [0.0, 0.5, 1.0]
    """

    takes: ClassVar[tuple[str, ...]] = IMAGES_AND_VOLUMES

    fraction: float = 0.05

    def __post_init__(self) -> None:
        check_number(self, "fraction", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `fraction [n]` and `seed [n]`."""
        return {"fraction": uniform(n, 0.0, self.fraction, generator), "seed": seeds(n, generator)}

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Overwrite the chosen pixels; differentiable in images."""
        size = images.shape[2:]
        chances = uniforms(params["seed"].to(images.device), size.numel())
        hit, white = (part.view(len(images), 1, *size) for part in chances)
        return torch.where(hit <= per_item(params["fraction"], images), (white > 0.5).to(images), images)
