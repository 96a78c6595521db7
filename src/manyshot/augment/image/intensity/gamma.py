"""Gamma: brighter or darker mid-tones, of whole images or of the foreground."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.intensity.curve_op import LEVELS, CurveOp, Histogram, Values, column
from manyshot.augment.ops.op import Params, check_choice, check_number, factor


@dataclass(frozen=True)
class Gamma(CurveOp):
    """Raise every value of an image to a random power: `x^exponent`.

    Args:
        strength: Largest exponent, at least 1; drawn from 1/strength to strength, uniform in the logarithm.

    Raises:
        InputError: If the strength is below 1.

    Example:
        >>> Gamma().apply(torch.full((1, 1, 1, 1), 0.5), {"exponent": torch.tensor([2.0])}).item()
        0.25
    """

    strength: float = 1.5

    def __post_init__(self) -> None:
        check_number(self, "strength", low=1, high=100)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `exponent [n]`."""
        return {"exponent": factor(n, self.strength, generator)}

    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """The power; differentiable in values and exponent."""
        return _power(values, column(params["exponent"], values))


FOREGROUNDS = ("bright", "dark")
"""Side of the threshold that is the foreground."""


@dataclass(frozen=True)
class ForegroundGamma(CurveOp):
    """Change the mid-tones of the foreground, and leave the background alone.

    With t the threshold that separates foreground and background (Otsu 1979), values above it become
    `t + (1 - t) ((x - t) / (1 - t))^exponent`, so the curve has no jump. A dark foreground is treated as the bright one
    of the inverted image.

    Args:
        strength: Largest exponent, at least 1; drawn from 1/strength to strength, uniform in the logarithm.
        foreground: Which side is the foreground: bright (scans) or dark (stained cells).

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> images = torch.tensor([[[[0.0, 0.0, 0.5, 1.0]]]])
        >>> ForegroundGamma().apply(images, {"exponent": torch.tensor([2.0])}).flatten()
        tensor([0.0000, 0.0000, 0.2500, 1.0000])
    """

    strength: float = 1.5
    foreground: str = "bright"

    measured: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_number(self, "strength", low=1, high=100)
        check_choice(self, "foreground", FOREGROUNDS)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `exponent [n]`."""
        return {"exponent": factor(n, self.strength, generator)}

    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """The power above the threshold; differentiable in values and exponent."""
        assert histogram is not None  # the op is measured
        counts = histogram.sum(1)
        if self.foreground == "dark":
            values, counts = 1 - values, counts.flip(-1)
        threshold = column(otsu(counts), values)
        room = (1 - threshold).clamp(min=1 / LEVELS)
        raised = threshold + room * _power((values - threshold).clamp(min=0) / room, column(params["exponent"], values))
        changed = torch.where(values > threshold, raised, values).clamp(0, 1)
        return 1 - changed if self.foreground == "dark" else changed


def otsu(histogram: Float[Tensor, "n 256"]) -> Float[Tensor, "n"]:
    """Return the threshold, 0 to 1, of Otsu (1979); the lower part ends with it.

    Args:
        histogram: Counts of the 256 levels.

    Example:
        >>> counts = torch.zeros(1, 256)
        >>> counts[0, [20, 30, 200]] = 1
        >>> (otsu(counts) * 255).round().item()
        30.0
    """
    level = torch.arange(LEVELS, dtype=histogram.dtype, device=histogram.device) / (LEVELS - 1)
    below = histogram.cumsum(1)
    above = below[:, -1:] - below
    sum_below = (histogram * level).cumsum(1)
    sum_above = sum_below[:, -1:] - sum_below
    apart = sum_below / below.clamp(min=1) - sum_above / above.clamp(min=1)
    return level[(below * above * apart.square()).argmax(1)]


def _power(values: Tensor, exponent: Tensor) -> Tensor:
    # The gradient of a root is infinite at 0; the cut-off here is far below one level.
    return torch.where(values > 0, values.clamp(min=1e-8).pow(exponent), values)
