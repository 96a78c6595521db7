"""Scan variation: changes of shape and look that were learned from unlabeled scans (after Zhao et al. 2019)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.image.image_op import in_floats
from manyshot.augment.masked.variation_bank import Components, VariationBank, read_bank
from manyshot.augment.ops.masked_op import MaskedItems, MaskedOp
from manyshot.augment.ops.op import Params, check_choice, check_number
from manyshot.base import InputError

DRAWS = ("gaussian", "bank")
"""Where draws come from: a Gaussian along the principal components, or the learned scans themselves."""
MOST = 2.5
"""Largest coordinate of a Gaussian draw, in standard deviations."""


@dataclass(frozen=True)
class ScanVariation(MaskedOp):
    """Give a labeled scan the shape of one scan and the look of another, drawn independently.

    `manyshot segment learn` registers a labeled reference scan to unlabeled ones: each gives a smooth displacement
    field and, once it is brought into the reference's frame, a smooth change of intensity. A draw adds a change of
    intensity to the item, and then displaces it together with its mask. As in the paper, shapes and looks of different
    scans are combined; where the paper trains two networks to predict them, they are found by direct optimization
    here, and are drawn from a Gaussian along their principal components or from the scans themselves.

    Items should lie as the reference does, since what is learned of a place is applied at this place.

    Args:
        file: A bank that `manyshot segment learn` wrote; it must be given before anything is drawn.
        draw: gaussian, or bank.
        strength: Factor of the changes of shape and look; 1 as learned.
        shape: Whether shapes change.
        look: Whether looks change.

    Raises:
        InputError: If the file is not a bank, or an option is out of range.
    """

    file: str = ""
    draw: str = "gaussian"
    strength: float = 1.0
    shape: bool = True
    look: bool = True

    def __post_init__(self) -> None:
        check_choice(self, "draw", DRAWS)
        check_number(self, "strength", high=10)
        if self.file:
            _ = self.bank  # so that a wrong file fails where it is named

    @property
    def bank(self) -> VariationBank:
        """The bank in the file."""
        if not self.file:
            raise InputError("ScanVariation: has nothing to draw from; give it the file of `manyshot segment learn`")
        path = Path(self.file).expanduser()
        return _read(path, path.stat().st_mtime_ns if path.exists() else 0)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `shape [n, k]` and `look [n, l]`, coordinates along the principal components."""
        return {
            "shape": self._scores(self.bank.shapes, n, generator),
            "look": self._scores(self.bank.looks, n, generator),
        }

    def _scores(self, parts: Components, n: int, generator: Generator) -> Float[Tensor, "n k"]:
        if self.draw == "bank":
            return parts.scores[torch.randint(len(parts.scores), (n,), generator=generator)]
        normal = torch.randn(n, parts.scores.shape[1], generator=generator)
        return normal.clamp(-MOST, MOST) * parts.deviation

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - a tensor of images or volumes
        """Change items without masks."""

        def change(values: Tensor) -> Tensor:
            masks = torch.zeros(len(values), *values.shape[2:], dtype=torch.uint8, device=values.device)
            return self.change_masked(MaskedItems(values, masks), params).items

        return in_floats(items, change)

    def change_masked(self, pairs: MaskedItems, params: Params) -> MaskedItems:
        """Add the change of intensity, and displace items and masks.

        Raises:
            InputError: If the items have other axes or channels than the reference.
        """
        items, masks = pairs
        bank = self.bank.to(items)
        if (items.shape[1], items.ndim - 1) != (bank.size[0], len(bank.size)):
            raise InputError(
                f"ScanVariation: items of shape {list(items.shape[1:])}, and {self.file} was learned from items of "
                f"shape {list(bank.size)}; give items with the same axes and channels"
            )
        if not len(items):
            return pairs
        if self.look:
            changes = self.strength * bank.look(params["look"].to(items))
            if changes.shape[2:] != items.shape[2:]:
                mode = "bilinear" if items.ndim == 4 else "trilinear"
                changes = F.interpolate(changes, items.shape[2:], mode=mode, align_corners=False)
            items = (items + changes).clamp(0, 1)
        if self.shape:
            field = self.strength * bank.field(params["shape"].to(items), items.shape[2:])
            points = centers(items) + field.movedim(1, -1)
            items, masks = sample_at(items, points), nearest_at(masks, points)
        return MaskedItems(items, masks)


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> VariationBank:
    """The bank in a file as it was when it last changed."""
    return read_bank(path)


def centers(items: Float[Tensor, "n c *size"]) -> Float[Tensor, "1 *grid"]:
    """Centers (x, y) or (x, y, z) of the pixels or voxels, from -1 to 1, with the coordinates on the last axis.

    Example:
        >>> centers(torch.zeros(1, 1, 2, 3, 4)).shape
        torch.Size([1, 2, 3, 4, 3])
    """
    axes = [
        (torch.arange(length, device=items.device, dtype=items.dtype) * 2 + 1) / length - 1
        for length in items.shape[2:]
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], -1)[None]


def sample_at(items: Float[Tensor, "n c *size"], points: Float[Tensor, "n *grid"]) -> Float[Tensor, "n c *size"]:
    """Items at points, interpolated linearly; beyond them their border.

    Example:
        >>> items = torch.rand(1, 1, 4, 4, 4)
        >>> torch.allclose(sample_at(items, centers(items)), items, atol=1e-6)
        True
    """
    return F.grid_sample(items, points, mode="bilinear", padding_mode="border", align_corners=False)


def nearest_at(masks: Shaped[Tensor, "n *size"], points: Float[Tensor, "n *grid"]) -> Shaped[Tensor, "n *size"]:
    """Masks at points, by the nearest pixel or voxel; 0 beyond them.

    Example:
        >>> masks = torch.randint(9, (1, 4, 4, 4))
        >>> nearest_at(masks, centers(torch.zeros(1, 1, 4, 4, 4))).equal(masks)
        True
    """
    values = masks[:, None].double()
    found = F.grid_sample(values, points.double(), mode="nearest", padding_mode="zeros", align_corners=False)
    return found[:, 0].to(masks.dtype)
