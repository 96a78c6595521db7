"""Stain jitter: variation of staining between slides and laboratories."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.image.intensity.color import is_color
from manyshot.augment.image.stain.tissue import optical_density, tissue_weight
from manyshot.augment.ops.op import Params, check_number, uniform

STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
"""Absorption of red, green and blue light by hematoxylin, eosin and DAB (Ruifrok and Johnston 2001)."""


@dataclass(frozen=True)
class StainJitter(ImageOp):
    """Change the amount of each stain in a microscope image (Tellez et al. 2018).

    Light is absorbed exponentially, so stains are linear in the optical density
    `-log10((255 x + 1) / 256)` of the channels and are separated by a fixed 3 x 3 matrix (Ruifrok and Johnston 2001).
    Each stain s of an image becomes `gain s + w offset`, with random gain and offset. The weight w rises smoothly from
    0 at a density of 0.05, which is glass, to 1 at 0.15, the threshold of tissue (Macenko et al. 2009), so that white
    stays white. Images with one channel do not change.

    Args:
        strength: Largest change of a gain from 1 and of an offset from 0, at most 1.

    Raises:
        InputError: If the strength is outside 0 to 1; when applied, if images have other than 1 or 3 channels.

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
        density = optical_density(images).flatten(2)
        tissue = tissue_weight(density)
        changed = linear.mT @ density + tissue * (offset @ mixing.to(images))[..., None]
        light: Tensor = 256 * 10**-changed
        return ((light - 1) / 255).view(images.shape).clamp(0, 1)
