"""Stain jitter: slides that were stained a little more, or less, or in another laboratory."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.image.intensity.color import is_color
from manyshot.augment.ops.op import Params, check_number, uniform

GLASS, TISSUE = 0.05, 0.15
"""Optical density, the mean of the channels, up to which a pixel is glass, and from which on it is tissue."""
STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
"""How much red, green and blue light haematoxylin, eosin and DAB take away (Ruifrok and Johnston 2001)."""


@dataclass(frozen=True)
class StainJitter(ImageOp):
    """Change how much of each stain a microscope picture shows (Tellez et al. 2018).

    Light that passes stains dies away exponentially, so the stains are found in the optical density
    `-log10((255 x + 1) / 256)` of the channels, whose unmixing is a fixed 3 x 3 matrix (Ruifrok and Johnston 2001).
    Each stain s of an image becomes `gain s + w offset` by its own draws. The weight w rises smoothly from 0 at a
    density of 0.05, which is glass, to 1 at 0.15, the least that counts as tissue (Macenko et al. 2009), so that white
    stays white. Images of one channel stay as they are.

    Args:
        strength: largest change of a gain from 1, and of an offset from 0.

    Raises:
        InputError: for a strength outside 0 to 1; on applying, for images of other than 1 or 3 channels.

    Example:
        >>> images = torch.rand(8, 3, 28, 28)
        >>> same = {"gain": torch.ones(8, 3), "offset": torch.zeros(8, 3)}
        >>> torch.allclose(StainJitter().apply(images, same), images, atol=1e-4)
        True
    """

    strength: float = 0.05

    channels: ClassVar[tuple[int, ...]] = (1, 3)

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `gain [n, 3]` and `offset [n, 3]`, for haematoxylin, eosin and DAB."""
        gain, offset = (uniform(3 * n, -self.strength, self.strength, generator).view(n, 3) for _ in range(2))
        return {"gain": 1 + gain, "offset": offset}

    def change(self, images: Float[Tensor, "n c h w"], params: Params) -> Float[Tensor, "n c h w"]:
        """To stains, change, and back; differentiable in images, gain and offset."""
        if not is_color(self, images[:, :, 0, 0]):
            return images
        mixing = torch.tensor(STAINS, dtype=torch.float64)
        unmixing = mixing.inverse()
        gain, offset = params["gain"].to(images), params["offset"].to(images)
        # Densities are rows: to stains, times the gains, plus the offsets, and back, in one map.
        linear = unmixing.to(images) @ torch.diag_embed(gain) @ mixing.to(images)
        density = -((255 * images + 1) / 256).log10().flatten(2)
        near = ((density.mean(1, keepdim=True) - GLASS) / (TISSUE - GLASS)).clamp(0, 1)
        tissue = near.square() * (3 - 2 * near)
        changed = linear.mT @ density + tissue * (offset @ mixing.to(images))[..., None]
        light: Tensor = 256 * 10**-changed
        return ((light - 1) / 255).view(images.shape).clamp(0, 1)
