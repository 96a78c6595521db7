"""Paint: new contrasts from label maps (after Billot et al. 2023, SynthSeg)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Generator, Tensor

from manyshot.augment.image.corruption.noise import gaussian, uniforms
from manyshot.augment.masked.smooth import smooth
from manyshot.augment.ops.masked_op import MaskedItems, MaskedOp
from manyshot.augment.ops.op import Params, check_number, seeds, uniform
from manyshot.base import InputError

VALUES = 256
"""Number of values that a mask may have, from 0."""
ROUNDS = 10
"""Rounds of k-means, which has converged by then on one-dimensional intensities."""


@dataclass(frozen=True)
class Paint(MaskedOp):
    """Replace each item by a random painting of its mask, so that only shapes and not contrasts can be learned.

    Each label gets a mean ~ U(low, high) and a deviation ~ U(0.01, spread) in every channel, each of its pixels that
    mean plus Gaussian noise, and the whole is blurred: SynthSeg's mixture, one component per label. Masks stay.

    For a label map of a whole head nothing but the map is needed. Where only a few structures are labeled, the rest,
    value 0, is first divided into parts of similar intensity by k-means of the item, as SynthSeg does with unlabeled
    tissue. Combine it with ops that deform and shade, as SynthSeg does: `paint affine elastic gamma`.

    Args:
        low: Lower end of the range of means.
        high: Upper end of the range of means.
        spread: Largest standard deviation within a label.
        parts: Number of parts of the rest; 1 paints it as one label.
        blur: Largest standard deviation of the blur, in pixels; each item draws its own from 0 up to it.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> masks = torch.zeros(1, 8, 8, dtype=torch.uint8)
        >>> masks[:, 2:5, 2:5] = 1
        >>> op = Paint(parts=1)
        >>> params = op.sample(1, torch.Generator().manual_seed(0))
        >>> op.change_masked(MaskedItems(torch.zeros(1, 1, 8, 8), masks), params).items.shape
        torch.Size([1, 1, 8, 8])
    """

    low: float = 0.1
    high: float = 0.9
    spread: float = 0.1
    parts: int = 4
    blur: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "low", "high", high=1)
        check_number(self, "spread", low=0.01, high=1)
        check_number(self, "blur", high=20)
        check_number(self, "parts", low=1, high=64, whole=True)
        if self.high < self.low:
            raise InputError(f"Paint: high={self.high!r}: give at least low={self.low!r}")

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`, from which the colors and the noise of an item follow, and `sigma [n]` in pixels."""
        return {"seed": seeds(n, generator), "sigma": uniform(n, 0.0, self.blur, generator)}

    def apply(self, items: object, params: Params) -> object:
        """Refuse items without masks.

        Raises:
            InputError: Always: there is nothing to paint by.
        """
        raise InputError("Paint: paints by masks, and these items have none; use it in `manyshot segment`")

    def change_masked(self, pairs: MaskedItems, params: Params) -> MaskedItems:
        """Paint n items by their masks, whose values are from 0 to 255."""
        items, masks = pairs
        if not len(items):
            return pairs
        regions = self.regions(items, masks).flatten(1)
        n, channels = items.shape[:2]
        seed = params["seed"].to(items.device)
        means, deviations = (
            u.view(n, channels, -1).to(items) for u in uniforms(seed, channels * (VALUES + self.parts - 1))
        )
        means = self.low + (self.high - self.low) * means
        deviations = 0.01 + (self.spread - 0.01) * deviations
        index = regions[:, None].expand(-1, channels, -1)
        noise = gaussian(seed + 2**31, channels * regions.shape[1]).to(items).view(n, channels, -1)
        painted = means.gather(2, index) + deviations.gather(2, index) * noise
        blurred = smooth(painted.view(items.shape), params["sigma"], self.blur)
        return MaskedItems(blurred.clamp(0, 1), masks)

    def regions(self, items: Float[Tensor, "n c *size"], masks: Shaped[Tensor, "n *size"]) -> Int[Tensor, "n *size"]:
        """What is painted as one: the value of a mask, or, where it is 0, the part of the rest (0, 256, 257, ...).

        Raises:
            InputError: If a mask has a value below 0 or above 255.
        """
        regions = masks.long()
        if regions.numel() and not 0 <= int(regions.min()) <= int(regions.max()) < VALUES:
            raise InputError(f"Paint: masks with the value {int(regions.max())}: give values from 0 to {VALUES - 1}")
        if self.parts == 1:
            return regions
        part = _parts(items.mean(1).flatten(1), regions.flatten(1) == 0, self.parts).view(regions.shape)
        return torch.where(regions > 0, regions, torch.where(part > 0, VALUES - 1 + part, 0))


def _parts(values: Float[Tensor, "n m"], rest: Tensor, parts: int) -> Int[Tensor, "n m"]:
    """The nearest of the k-means of the intensities of each item's rest; the means start at evenly spaced quantiles."""
    ordered = torch.where(rest, values, torch.inf).sort(1).values
    count = rest.sum(1, keepdim=True)
    steps = torch.arange(1, 2 * parts, 2, device=values.device) / (2 * parts)
    centers = ordered.gather(1, (steps * count).long().clamp(max=values.shape[1] - 1))
    centers = torch.where(centers.isfinite(), centers, 0.0)
    for _ in range(ROUNDS):
        nearest = (values[:, :, None] - centers[:, None]).abs().argmin(2)
        weight = rest.to(values)
        total = torch.zeros_like(centers).scatter_add(1, nearest, values * weight)
        mass = torch.zeros_like(centers).scatter_add(1, nearest, weight)
        centers = torch.where(mass > 0, total / mass.clamp(min=1), centers)
    return (values[:, :, None] - centers[:, None]).abs().argmin(2)
