"""The two stains of a picture (Macenko et al. 2009)."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.augment.image.stain.tissue import TISSUE, optical_density

FEWEST = 16
"""Least number of pixels of tissue by which stains can be told."""
ANGLES = (0.01, 0.99)
"""Quantiles of the angle at which the two stains lie: robust forms of the smallest and the largest."""
MOST = 0.99
"""Quantile of the amounts of a stain that counts as its largest."""
LEAST_ANGLE = 0.05
"""Least angle between the two stains, in radians; below it the picture shows one."""
LEAST_AMOUNT = 1e-3


class FoundStains(NamedTuple):
    """The stains of n pictures.

    Args:
        stains: Optical density of red, green and blue `[n, 2, 3]`, of length 1; the one that absorbs more red is first.
        amounts: 99th percentile `[n, 2]` of the amounts in tissue.
        known: Whether the picture `[n]` shows enough tissue and two stains.
    """

    stains: Float[Tensor, "n 2 3"]
    amounts: Float[Tensor, "n 2"]
    known: Bool[Tensor, "n"]


@torch.no_grad()
def find_stains(pictures: Float[Tensor, "n 3 h w"]) -> FoundStains:
    """Find the stains of each picture: the extreme directions in the plane of most variance of its optical densities.

    Args:
        pictures: Values from 0 to 1.

    Example:
        >>> find_stains(torch.ones(1, 3, 8, 8)).known
        tensor([False])
    """
    # Whole 16-bit levels (8-bit ones are among them): what is tissue, and which pixel is a quantile, are then the same
    # in single and in double precision.
    levels = (pictures.double() * 65535).round() / 65535
    density = optical_density(levels).flatten(2)
    tissue = density.mean(1) > TISSUE
    weight = tissue.to(density)[:, None]
    count = weight.sum(2, keepdim=True)
    away = weight * (density - (weight * density).sum(2, keepdim=True) / count.clamp(min=1))
    vectors = torch.linalg.eigh(away @ away.mT / count.clamp(min=1)).eigenvectors
    plane = vectors[..., 1:]
    plane = plane * torch.where(plane.sum(1, keepdim=True) < 0, -1.0, 1.0)
    second, first = (plane.mT @ density).unbind(1)
    angle = torch.atan2(second, first)
    low, high = (_quantile(angle, tissue, q) for q in ANGLES)
    directions = torch.stack([torch.stack((end.sin(), end.cos()), -1) for end in (low, high)], 1)
    ends = (directions @ plane.mT).clamp(min=0)
    stains = ends / ends.norm(dim=2, keepdim=True).clamp(min=1e-6)
    swap = (stains[:, 0, 0] < stains[:, 1, 0])[:, None, None]
    stains = torch.where(swap, stains.flip(1), stains)
    amounts = amounts_of(density, stains)
    most = torch.stack([_quantile(amounts[:, k], tissue, MOST) for k in range(2)], 1)
    known = (count[:, 0, 0] >= FEWEST) & (high - low > LEAST_ANGLE) & (most > LEAST_AMOUNT).all(1)
    return FoundStains(stains.to(pictures), most.to(pictures), known)


def amounts_of(density: Float[Tensor, "n 3 m"], stains: Float[Tensor, "n 2 3"]) -> Float[Tensor, "n 2 m"]:
    """Amounts of the stains that come nearest to the densities (least squares); finite for stains that are alike.

    Example:
        >>> stains = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> amounts_of(torch.tensor([[[0.2], [0.4], [0.0]]]), stains).flatten()
        tensor([0.2000, 0.4000])
    """
    gram = stains @ stains.mT + 1e-6 * torch.eye(2, dtype=stains.dtype, device=stains.device)
    amounts: Tensor = torch.linalg.solve(gram, stains @ density)
    return amounts


def _quantile(values: Float[Tensor, "n m"], among: Bool[Tensor, "n m"], q: float) -> Float[Tensor, "n"]:
    """Quantile of some of the values of each row, the nearest below; that of no values is 0."""
    ordered = torch.where(among, values, torch.inf).sort(1).values
    count = among.sum(1, keepdim=True)
    found = ordered.gather(1, ((count - 1).clamp(min=0) * q).long())[:, 0]
    return torch.where(count[:, 0] > 0, found, 0.0)
