"""A look at what a generative model makes while it is trained, and what it says of the training's health."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.base.seeds import generator
from manyshot.generate import Batch, Batches, GenerativeModel
from manyshot.sample_metrics import kernel_distance, precision_recall
from manyshot.tasks import Source

SIDE = 7
"""Pictures are looked at in so many pixels a side."""
NEIGHBOURS = 3
"""Of an item, within which it counts as covered; fewer where there are no more items."""
NARROW, CLOSE = 0.01, 0.5
"""Recall so low where precision is so high is collapse from the beginning."""
COVERED = 0.1
"""A recall that has been reached before it counts as lost."""
LOST = 0.1
"""Of the best recall: what is left when a model has collapsed."""
SURE = 0.01
"""Loss of a discriminator that is sure of nearly every item; one that cannot tell has 1.39."""


@dataclass(frozen=True)
class Look:
    """What was seen.

    Args:
        kernel_distance: to held-out real items, see `plain_features`.
        precision: see `precision_recall`.
        recall: see `precision_recall`.
    """

    kernel_distance: float
    precision: float
    recall: float


def plain_features(items: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """What items look like from afar: pictures as means of areas, 7 x 7 at most; vectors as they are.

    Enough to see a collapse; scores are taken in an encoder of the domain (see `score_run`).

    Example:
        >>> plain_features(torch.rand(5, 1, 28, 28)).shape
        torch.Size([5, 49])
    """
    return F.adaptive_avg_pool2d(items, min(SIDE, items.shape[-1])).flatten(1) if items.ndim == 4 else items


@torch.no_grad()
def look_at(model: GenerativeModel, source: Source, items: int, seed: int) -> Look | None:
    """Compare made items with as many different real ones, the same ones at every look.

    Args:
        model: in evaluation mode.
        source: At least two real items, held out where there are such.
        items: The most real items to compare with; all of the source's if those are fewer.
        seed: of the choice of real items and of the noise.

    Returns:
        What was seen; None if made items are no numbers, which nothing can be compared with.

    Example:
        >>> from manyshot.generate import DataSpec, parse_model
        >>> source = Source.of(torch.zeros(20, 1, 8, 8), ["cat", "dog"] * 10)
        >>> look_at(parse_model("gan(4)").make(DataSpec((1, 8, 8))).averaged, source, 16, 0).recall
        0.0
    """
    batch = Batches(source, model.conditioning, items, seed).distinct()
    real, made = plain_features(batch.items), plain_features(make_like(model, batch, seed))
    if not made.isfinite().all():
        return None
    found = precision_recall(real, made, k=min(NEIGHBOURS, len(real) - 1))
    return Look(kernel_distance(real, made), found.precision, found.recall)


def make_like(model: GenerativeModel, batch: Batch, seed: int) -> Float[Tensor, "n ..."]:
    """An item for each condition of a batch; the noise is the same for the same seed.

    Args:
        model: see `look_at`.
        batch: of n real items.
        seed: of the noise.
    """
    draws = generator(seed, "look")
    condition = batch.condition
    made = model.sample(len(batch.items), label=condition.label, like=condition.like, generator=draws)
    return made.cpu()


def trouble(look: Look | None, best_recall: float, unsure: float, saturates: bool, first: bool = False) -> str | None:
    """What is wrong with a training, in words; None if nothing is.

    Args:
        look: the latest; None if made items were no numbers.
        best_recall: of all looks so far.
        unsure: the discriminator's loss lately, without penalties.
        saturates: whether the generator's loss then has next to no slope, see `AdversarialLoss`.
        first: whether no look has been kept yet; then what is made may be narrow since little has been learned.

    Example:
        >>> trouble(Look(0.1, 0.9, 0.0), best_recall=0.6, unsure=0.8, saturates=True)
        'mode collapse: recall fell to 0.00 from 0.60'
        >>> trouble(Look(0.1, 0.9, 0.0), best_recall=0.0, unsure=0.8, saturates=True)
        'mode collapse: made items lie among real ones (precision 0.90) and cover nearly none'
        >>> trouble(Look(0.1, 0.9, 0.5), best_recall=0.6, unsure=0.8, saturates=True) is None
        True
    """
    if look is None:
        return "made items are no numbers"
    if best_recall >= COVERED and look.recall <= LOST * best_recall:
        return f"mode collapse: recall fell to {look.recall:.2f} from {best_recall:.2f}"
    if not first and look.recall <= NARROW and look.precision >= CLOSE:
        return f"mode collapse: made items lie among real ones (precision {look.precision:.2f}) and cover nearly none"
    if saturates and unsure <= SURE:
        return (
            f"the discriminator is sure of nearly every item (loss {unsure:.3f}), where the generator's loss has next "
            "to no slope; loss=non_saturating keeps one"
        )
    return None
