"""Adaptive discriminator augmentation for few real examples (Karras et al. 2020)."""

import math
from dataclasses import dataclass

from manyshot.base import InputError

EVERY = 4
"""Steps between two updates of the probability, over which signs are averaged."""


@dataclass(frozen=True)
class AdaptiveProbability:
    """Probability of augmentation that rises while the discriminator overfits, and falls while it does not.

    r = E sign(s(x)) over real training examples x with scores s: 0 where the discriminator cannot tell them from
    generated ones, 1 where it knows them all. The probability rises or falls by a fixed amount as r is above or below
    the target.

    Args:
        target: Target of r; 0.6 in the paper.
        examples: Number of real examples seen while the probability can rise from 0 to 1; 500,000 in the paper, for
            trainings on millions.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> adaptive = AdaptiveProbability(target=0.6, examples=1000)
        >>> adaptive.next(0.5, sign=0.9, seen=100), adaptive.next(0.5, sign=0.2, seen=100), adaptive.next(0.5, 0.6, 100)
        (0.6, 0.4, 0.5)
    """

    target: float = 0.6
    examples: int = 50_000

    def __post_init__(self) -> None:
        if not 0 <= self.target <= 1:
            raise InputError(f"ada_target={self.target}: give a target from 0 to 1, such as 0.6")
        if self.examples < 1:
            raise InputError(f"ada_examples={self.examples}: give at least 1")

    def next(self, p: float, sign: float, seen: int) -> float:
        """Updated probability after `seen` more real examples whose scores had this mean sign.

        Args:
            p: Current probability.
            sign: Mean sign of the scores of the real examples.
            seen: Number of real examples.
        """
        if sign == self.target:
            return p
        return min(1.0, max(0.0, p + math.copysign(seen / self.examples, sign - self.target)))
