"""Adaptive probability of augmentation for few real items (Karras et al. 2020)."""

import math
from dataclasses import dataclass

from manyshot.base import InputError

EVERY = 4
"""Steps between two adjustments, over which signs are averaged."""


@dataclass(frozen=True)
class AdaptiveProbability:
    """Augments more as the discriminator learns the real items by heart, and less where it does not.

    r = E sign(s(x)) over real training items x: 0 where the discriminator cannot tell, 1 where it knows them all. The
    probability moves up or down by a fixed amount as r lies above or below the target.

    Args:
        target: of r; the paper's is 0.6.
        items: real items seen in which the probability could go from 0 to 1. The paper's 500,000 suit trainings of
            millions.

    Raises:
        InputError: if a value is out of range.

    Example:
        >>> adapt = AdaptiveProbability(target=0.6, items=1000)
        >>> adapt.next(0.5, sign=0.9, seen=100), adapt.next(0.5, sign=0.2, seen=100), adapt.next(0.5, 0.6, 100)
        (0.6, 0.4, 0.5)
    """

    target: float = 0.6
    items: int = 50_000

    def __post_init__(self) -> None:
        if not 0 <= self.target <= 1:
            raise InputError(f"ada_target={self.target}: give a target from 0 to 1, such as 0.6")
        if self.items < 1:
            raise InputError(f"ada_examples={self.items}: give at least 1")

    def next(self, share: float, sign: float, seen: int) -> float:
        """The probability after `seen` more real items whose scores had this mean sign."""
        if sign == self.target:
            return share
        return min(1.0, max(0.0, share + math.copysign(seen / self.items, sign - self.target)))
