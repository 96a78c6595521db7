"""TrivialAugment (Müller and Hutter 2021)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.policies.space import MovePolicy, Ranges

BINS = 30
"""Number of steps from no strength to the full range."""
RANGES = Ranges(shear=0.99, shift=1 / 3, degrees=135, factor=0.99, bits=(2, 8))


@dataclass(frozen=True)
class TrivialAugment(MovePolicy):
    """Apply one random op at a random strength to each image, with nothing to tune.

    The ops are those of RandAugment, with the paper's wide ranges: a shear of 0.99, 135 degrees, factors of 0.01 or
    1.99, 2 bits, a threshold of 0. The strength is one of 31 steps from nothing to these values, in either direction.

    Unlike in the paper's code, which translates by up to 32 pixels at any size, translations are up to a third of the
    side.

    Args:
        strength: Fraction of the paper's ranges.

    Raises:
        InputError: For a strength outside 0 to 1.

    Example:
        >>> TrivialAugment()(torch.rand(8, 3, 32, 32)).shape
        torch.Size([8, 3, 32, 32])
    """

    strength: float = 1.0

    ranges: ClassVar[Ranges] = RANGES

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n]`, an index of `space()`, and `strength [n]`, -1 to 1."""
        sign = 2 * torch.randint(2, (n,), generator=generator) - 1
        step = torch.randint(BINS + 1, (n,), generator=generator)
        return {
            "choice": torch.randint(len(self.space()), (n,), generator=generator),
            "strength": self.strength / BINS * sign * step,
        }
