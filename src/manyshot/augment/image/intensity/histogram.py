"""Autocontrast and histogram equalization, channel by channel."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.augment.image.image_op import SwitchedOp
from manyshot.augment.image.intensity.curve_op import LEVELS, CurveOp, Histogram, Values, column
from manyshot.augment.ops.op import Params


@dataclass(frozen=True)
class Autocontrast(SwitchedOp, CurveOp):
    """Stretch the levels of each channel of an image to the full range with probability p.

    The darkest level of the channel becomes 0 and the brightest 1.

    Args:
        p: Probability that an image is stretched.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> Autocontrast().apply(torch.tensor([[[[0.2, 0.3, 0.4]]]]), {"on": torch.tensor([True])}).tolist()
        [[[[0.0, 0.5, 1.0]]]]
    """

    p: float = 0.5

    measured: ClassVar[bool] = True

    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """Straight line from the darkest level at 0 to the brightest at 1; differentiable in values."""
        assert histogram is not None  # the op is measured
        seen = histogram > 0
        low, high = _first(seen), LEVELS - 1 - _first(seen.flip(-1))
        stretched = ((values * (LEVELS - 1) - low) / (high - low).clamp(min=1)).clamp(0, 1)
        return torch.where(column(params["on"], values) & (high > low), stretched, values)


@dataclass(frozen=True)
class Equalize(SwitchedOp, CurveOp):
    """Equalize the histogram of each channel of an image with probability p.

    A level becomes the fraction of pixels below it, counted as in Pillow's `ImageOps.equalize`; between levels the
    curve is linear.

    Args:
        p: Probability that an image is equalized.

    Raises:
        InputError: If p is outside 0 to 1.

    Example:
        >>> images = torch.linspace(0.4, 0.5, 1024).view(1, 1, 32, 32)
        >>> (Equalize(p=1).apply(images, {"on": torch.tensor([True])}).std() > 0.25).item()
        True
    """

    p: float = 0.5

    measured: ClassVar[bool] = True

    def curve(self, values: Values, params: Params, histogram: Histogram | None) -> Values:
        """Table of the levels, linear in between; differentiable in values."""
        assert histogram is not None  # the op is measured
        table = _equalizing(histogram)
        position = values.clamp(0, 1) * (LEVELS - 1)
        below = position.detach().floor().clamp(max=LEVELS - 2)
        # A value within rounding of a level counts as that level; a steep curve would amplify the rounding.
        weight = position - below
        weight = torch.where(
            (weight - weight.round()).abs() < 1e-3, weight + (weight.round() - weight).detach(), weight
        )
        index = below.long()
        first, second = table.gather(2, index), table.gather(2, index + 1)
        equal = (first + weight * (second - first)) / (LEVELS - 1)
        return torch.where(column(params["on"], values) & (table[..., -1:] > 0), equal.clamp(0, 1), values)


def _first(seen: Bool[Tensor, "n c 256"]) -> Float[Tensor, "n c 1"]:
    """Return the first level that occurs."""
    return seen.to(torch.uint8).argmax(-1, keepdim=True).float()


def _equalizing(histogram: Float[Tensor, "n c 256"]) -> Float[Tensor, "n c 256"]:
    """Return the table of levels; all 0 for a channel with too few pixels or levels to equalize."""
    counts = histogram.double()
    total = counts.sum(-1, keepdim=True)
    last = counts.gather(-1, LEVELS - 1 - _first(counts.flip(-1) > 0).long())
    step = ((total - last) / (LEVELS - 1)).floor()
    below = counts.cumsum(-1) - counts
    table = (((step / 2).floor() + below) / step.clamp(min=1)).floor().clamp(max=LEVELS - 1)
    return torch.where(step > 0, table, 0.0).to(histogram)
