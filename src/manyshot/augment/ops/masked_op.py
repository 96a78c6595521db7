"""Ops on an item together with its mask, and how any op changes such pairs."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from jaxtyping import Float, Shaped
from torch import Tensor

from manyshot.augment.ops.combine import Composite, Part
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op, Params
from manyshot.augment.ops.targets import apply_to


class MaskedItems(NamedTuple):
    """Images or volumes and their masks.

    Args:
        items: Floats `[n, c, *size]` from 0 to 1; size is (height, width) or (depth, height, width).
        masks: `[n, *size]`, the value of each pixel's label; 0 for the rest.
    """

    items: Float[Tensor, "n c *size"]
    masks: Shaped[Tensor, "n *size"]


class MaskedOp(Op):
    """Base class of ops that need the mask of an item, or move both by rules of their own."""

    @abstractmethod
    def change_masked(self, pairs: MaskedItems, params: Params) -> MaskedItems:
        """Change n items and their masks, each by its own params; masks get no value that they did not have."""


def apply_with_masks(op: Op, pairs: MaskedItems, params: Params) -> MaskedItems:
    """Change items and their masks by one draw: masks move exactly as the pixels do, and keep dtype and values.

    Args:
        op: Any op on images or volumes; those in a composition too may be masked ops.
        pairs: n items and their masks.
        params: Params of n items.

    Raises:
        InputError: If the op cannot change these items, or does not say where pixels come from.

    Example:
        >>> import torch
        >>> from manyshot.augment.image import Flip
        >>> pairs = MaskedItems(torch.rand(1, 3, 8, 8), torch.arange(64).view(1, 8, 8))
        >>> changed = apply_with_masks(Flip(p=1), pairs, {"flipped": torch.tensor([True])})
        >>> changed.masks[0, 0].tolist()
        [7, 6, 5, 4, 3, 2, 1, 0]
    """
    if isinstance(op, MaskedOp):
        return op.change_masked(pairs, params)
    if not needs_masks(op):
        moved = apply_to(op, params, images=pairs.items, masks=pairs.masks)
        assert moved.images is not None
        assert moved.masks is not None
        return MaskedItems(moved.images, moved.masks)
    if isinstance(op, Compose):
        for run, own in _runs(op, params):
            pairs = apply_with_masks(run, pairs, own)
        return pairs
    assert isinstance(op, Composite)
    for layer in op.layers(params):
        for part in layer:
            pairs = _apply_part(pairs, part)
    return pairs


def needs_masks(op: Op) -> bool:
    """Whether an op, or one that it holds, is a masked op.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> needs_masks(Flip())
        False
    """
    return isinstance(op, MaskedOp) or (isinstance(op, Composite) and any(map(needs_masks, op.held)))


def _runs(op: Compose, params: Params) -> Iterator[tuple[Op, Params]]:
    """The ops of a composition; those between two masked ops stay together, so that they share one resampling."""
    run: list[int] = []
    for index, inner in enumerate([*op.ops, None]):
        if inner is not None and not needs_masks(inner):
            run.append(index)
            continue
        if run:
            yield Compose(tuple(op.ops[i] for i in run)), {str(at): params[str(i)] for at, i in enumerate(run)}
            run = []
        if inner is not None:
            yield inner, params[str(index)]


def _apply_part(pairs: MaskedItems, part: Part) -> MaskedItems:
    if part.rows is None:
        return apply_with_masks(part.op, pairs, part.params)
    if not len(part.rows):
        return pairs
    rows = part.rows.to(pairs.items.device)
    changed = apply_with_masks(part.op, MaskedItems(pairs.items[rows], pairs.masks[rows]), part.params)
    return MaskedItems(pairs.items.index_copy(0, rows, changed.items), pairs.masks.index_copy(0, rows, changed.masks))
