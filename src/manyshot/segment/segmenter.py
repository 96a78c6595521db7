"""What learners of segmentation have in common: a few labeled items in, a function from items to chances out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor, nn

from manyshot.augment import Compose, Op
from manyshot.augment.ops.masked_op import MaskedItems, apply_with_masks
from manyshot.augment.plan import Plan
from manyshot.base import InputError
from manyshot.segment.masked_source import Label

Segmentation = Callable[[Float[Tensor, "n c *size"]], Float[Tensor, "n k *size"]]
"""A function from items to the chance of each label at every pixel; label 0 is the rest."""


@dataclass(frozen=True, eq=False)
class Support:
    """Labeled items of one task, and how they are augmented.

    Args:
        pairs: Items, floats from 0 to 1, and the values of their masks.
        labels: The structures to segment.
        op: Changes items and masks, drawn anew whenever a learner takes a pair; None leaves them as they are.
    """

    pairs: MaskedItems
    labels: tuple[Label, ...]
    op: Op | None = None

    def draw(self, count: int, generator: Generator) -> MaskedItems:
        """Draw pairs with replacement and change each by a draw of its own.

        Args:
            count: Number of pairs.
            generator: Random numbers, on the CPU.
        """
        device = self.pairs.items.device
        rows = torch.randint(len(self.pairs.items), (count,), generator=generator).to(device)
        drawn = MaskedItems(self.pairs.items[rows], self.pairs.masks[rows])
        return drawn if self.op is None else apply_with_masks(self.op, drawn, self.op.sample(count, generator))


@runtime_checkable
class Segmenter(Protocol):
    """A learner of segmentation: it trains a network on a support set, and segments by the network and the support."""

    def net(self, axes: int, channels: int, outputs: int) -> nn.Module:
        """A network as it is before training.

        Args:
            axes: 2 for images, 3 for volumes.
            channels: Channels of the items.
            outputs: Number of labels, with the rest.
        """
        ...

    def train(self, support: Support, generator: Generator) -> nn.Module:
        """Train a network on the support, in evaluation mode afterwards and without gradients."""
        ...

    def segmentation(self, net: nn.Module, support: Support) -> Segmentation:
        """Segment by a trained network."""
        ...

    def adapt(self, support: Support, generator: Generator) -> Segmentation:
        """Learn to segment from a few labeled items."""
        ...


def support_of(
    items: Shaped[Tensor, "n c *size"],
    masks: Shaped[Tensor, "n *size"],
    labels: tuple[Label, ...],
    plan: Plan,
    generator: Generator,
) -> Support:
    """Labeled items with what a plan adds to them.

    The `support` clause is carried out anew whenever a learner takes a pair; `shots: 8 x ...` adds eight variants of
    each pair once. A clause of `support+query`, as presets for training have it, is that of the support: support and
    query of a training are both drawn from the labeled items, and the items to be segmented are never changed.

    Args:
        items: uint8, or floats from 0 to 1.
        masks: Values of their masks.
        labels: The structures to segment.
        plan: Which augmentation acts where.
        generator: Random numbers.

    Raises:
        InputError: If the plan acts on tasks or queries, or mixes items.

    Example:
        >>> masks = torch.ones(1, 8, 8, dtype=torch.uint8)
        >>> support = support_of(torch.rand(1, 1, 8, 8), masks, (Label("all", (1,)),), Plan("shots: 3 x flip"),
        ...                      torch.Generator())
        >>> len(support.pairs.items)
        4
    """
    for name in plan.placements:
        if name not in ("support", "shots") and not _changes_both_alike(plan, name):
            raise InputError(
                f"plan: '{name}:' has no meaning in segmentation, where labels are masks; write 'support:' or 'shots:'"
            )
    if any(clause.balanced for clause in plan.syntax.clauses):
        raise InputError("plan: 'balanced' has no meaning in segmentation, where labels are masks; leave it out")
    pairs = MaskedItems(items.float() / 255 if items.dtype == torch.uint8 else items, masks)
    ops = {name: _op_of(plan, name) for name in plan.placements if name != "query"}
    if "shots" in ops:
        copies = plan.placements["shots"].copies  # type: ignore[attr-defined]
        again = MaskedItems(pairs.items.repeat_interleave(copies, 0), pairs.masks.repeat_interleave(copies, 0))
        made = apply_with_masks(ops["shots"], again, ops["shots"].sample(len(again.items), generator))
        pairs = MaskedItems(torch.cat([pairs.items, made.items]), torch.cat([pairs.masks, made.masks]))
    return Support(pairs, labels, ops.get("support"))


def _changes_both_alike(plan: Plan, name: str) -> bool:
    """Whether this is the query of a clause for support and query alike, without a number of variants."""
    query, support = plan.placements[name], plan.placements.get("support")
    same = getattr(query, "op", None) == getattr(support, "op", ()) and getattr(query, "copies", None) is None
    return name == "query" and same


def _op_of(plan: Plan, name: str) -> Op:
    placement = plan.placements[name]
    op, mixes = getattr(placement, "op", None), getattr(placement, "mixes", ())
    if op is None or mixes:
        raise InputError(f"plan: '{plan}': mixes and learned augmenters make no masks; leave them out in segmentation")
    assert isinstance(op, Compose)
    return op
