"""Rician noise, that of magnetic resonance images."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.corruption.noise import GaussianNoiseOp, gaussian
from manyshot.augment.image.image_op import per_item
from manyshot.augment.ops.op import Params
from manyshot.base import InputError


@dataclass(frozen=True)
class Rician(GaussianNoiseOp):
    """Add the noise of a magnitude image: `sqrt((x + s a)^2 + (s b)^2)`, clamped to 0..1, a and b ~ N(0, 1).

    A scanner measures two channels with Gaussian noise each and shows their magnitude (Gudbjartsson and Patz 1995):
    noise in the dark never averages to 0. Magnitudes have no sign, so values below 0 are refused.

    Args:
        strength: Largest standard deviation s of a channel, where white is 1; each image or volume draws its own.

    Raises:
        InputError: If a value is out of range; when applied, if there are values below 0.

    Example:
        >>> import torch
        >>> params = {"strength": torch.tensor([0.1]), "seed": torch.tensor([0])}
        >>> Rician().apply(torch.zeros(1, 1, 100, 100), params).mean().round(decimals=3)
        tensor(0.1250)
    """

    strength: float = 0.1

    def change(self, images: Float[Tensor, "n c *size"], params: Params) -> Float[Tensor, "n c *size"]:
        """Add the noise; differentiable in images and strength."""
        if images.device.type != "meta" and bool((images < 0).any()):
            raise InputError("Rician: values below 0: magnitudes have no sign; scale the values to 0..1 first")
        strength = per_item(params["strength"], images)
        count = images[:1].numel() if len(images) else 0
        normal = gaussian(params["seed"].to(images.device), 2 * count).to(images)
        real = strength * normal[:, :count].reshape(images.shape)
        imaginary = strength * normal[:, count:].reshape(images.shape)
        # A square root has no slope at 0.
        noisy: Tensor = ((images + real).square() + imaginary.square()).clamp(min=1e-16).sqrt().clamp(0, 1)
        return noisy
