"""RandAugment (Cubuk, Zoph, Shlens and Le 2020)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.policies.space import MovePolicy, Ranges

MAX_MAGNITUDE = 30
"""The magnitude that means the full range."""
RANGES = Ranges(shear=0.3, shift=150 / 331, degrees=30, factor=0.9, bits=(4, 8))


@dataclass(frozen=True)
class RandAugment(MovePolicy):
    """Apply a few random ops, drawn from the same fourteen, to each image, all at one magnitude.

    The ops are identity, shear and translation along x and y, rotation, brightness, color, contrast, sharpness,
    posterize, solarize, autocontrast and equalize. At a magnitude of 30: a shear of 0.3, 150/331 of the side,
    30 degrees, factors of 0.1 or 1.9, 4 bits, a threshold of 0. Ops with a direction take either. Pixels beyond the
    border are black.

    Unlike in the paper's code, translations are fractions of the side, so that they mean the same at every size, and
    resampling is bilinear.

    Args:
        count: Number of ops per image (N in the paper).
        magnitude: Strength of the ops, 0 to 30 (M in the paper).

    Raises:
        InputError: For a value out of range.

    Example:
        >>> op = RandAugment(2, 9)
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> {name: list(value.shape) for name, value in params.items()}
        {'choice': [8, 2], 'strength': [8, 2]}
        >>> op.apply(torch.rand(8, 3, 32, 32), params).shape
        torch.Size([8, 3, 32, 32])
    """

    count: int = 2
    magnitude: float = 9.0

    ranges: ClassVar[Ranges] = RANGES

    def __post_init__(self) -> None:
        check_number(self, "count", low=1, high=100, whole=True)
        check_number(self, "magnitude", high=MAX_MAGNITUDE)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n, count]`, indices of `space()`, and `strength [n, count]`, magnitude / 30 or minus that."""
        shape = (n, self.count)
        sign = 2 * torch.randint(2, shape, generator=generator) - 1
        return {
            "choice": torch.randint(len(self.space()), shape, generator=generator),
            "strength": sign * (self.magnitude / MAX_MAGNITUDE),
        }
