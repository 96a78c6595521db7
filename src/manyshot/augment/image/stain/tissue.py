"""Where a picture shows tissue and where glass, by how much light is absorbed."""

from jaxtyping import Float
from torch import Tensor

GLASS, TISSUE = 0.05, 0.15
"""Optical densities (mean of the channels): below the first a pixel is glass, above the second it is tissue."""


def optical_density(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Density `-log10((255 x + 1) / 256)` of each channel: 0 for white, 2.4 for black.

    Example:
        >>> import torch
        >>> optical_density(torch.tensor([[[[0.0]], [[1.0]], [[0.5]]]])).flatten().abs().round(decimals=2)
        tensor([2.4100, 0.0000, 0.3000])
    """
    return -((255 * images + 1) / 256).log10()


def tissue_weight(density: Float[Tensor, "n 3 *size"]) -> Float[Tensor, "n 1 *size"]:
    """Rise smoothly from 0 at a mean density of 0.05, which is glass, to 1 at 0.15 (Macenko et al. 2009).

    Example:
        >>> import torch
        >>> tissue_weight(torch.tensor([0.0, 0.1, 0.3]).expand(1, 3, 3)).flatten().tolist()
        [0.0, 0.5, 1.0]
    """
    near = ((density.mean(1, keepdim=True) - GLASS) / (TISSUE - GLASS)).clamp(0, 1)
    return near.square() * (3 - 2 * near)
