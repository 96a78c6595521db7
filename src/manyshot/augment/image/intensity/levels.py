"""Posterize and solarize."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.image.intensity.curve_op import LEVELS, CurveOp, Histogram, Values, column, straight_through
from manyshot.augment.ops.op import Params, check_number, uniform


@dataclass(frozen=True)
class Posterize(CurveOp):
    """Keep only the highest bits of each 8-bit value; each image draws their number.

    Args:
        bits: Smallest number of bits that are kept; drawn from it up to 7.

    Raises:
        InputError: If bits is outside 1 to 8; 8 does not change images of 256 levels.

    Example:
        >>> Posterize().apply(torch.tensor([[[[0.4, 0.9]]]]), {"bits": torch.tensor([1])}).mul(255).flatten()
        tensor([  0., 128.])
    """

    bits: int = 4

    def __post_init__(self) -> None:
        check_number(self, "bits", low=1, high=8, whole=True)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `bits [n]`."""
        return {"bits": torch.randint(self.bits, max(8, self.bits + 1), (n,), generator=generator)}

    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """Round to a level, drop its low bits; the gradient passes straight through."""
        step = 2 ** (8 - column(params["bits"], values))
        level = (values.clamp(0, 1) * (LEVELS - 1)).round()
        return straight_through(values, (level / step).floor() * step / (LEVELS - 1))


@dataclass(frozen=True)
class Solarize(CurveOp):
    """Invert values above a random threshold.

    Args:
        strength: Largest distance of the threshold below white, from 0 to 1; at 1 the whole image may be inverted.

    Raises:
        InputError: If the strength is outside 0 to 1.

    Example:
        >>> Solarize().apply(torch.tensor([[[[0.25, 0.75]]]]), {"threshold": torch.tensor([0.5])}).tolist()
        [[[[0.25, 0.25]]]]
    """

    strength: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "strength", high=1)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `threshold [n]`: values from it on are inverted."""
        return {"threshold": uniform(n, 1 - self.strength, 1.0, generator)}

    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """Invert from the threshold on; differentiable in values."""
        return torch.where(values >= column(params["threshold"], values), 1 - values, values)
