"""Snapshots of a generative model while it is trained, and what they say about the health of the training."""

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
"""Height and width that images are reduced to before they are compared."""
NEIGHBORS = 3
"""The k of precision and recall; fewer if there are not that many examples."""
NARROW, CLOSE = 0.01, 0.5
"""A recall of at most the first at a precision of at least the second is mode collapse from the beginning."""
COVERED, LOST = 0.1, 0.1
"""Recall that must have been reached before it can count as lost, and the fraction of it that is then left."""
SURE = 0.01
"""Loss of a discriminator that is sure of nearly every example; one at chance level has 1.39."""


@dataclass(frozen=True)
class Snapshot:
    """How generated examples compare with real ones at one step of a training.

    Args:
        kernel_distance: Kernel distance to held-out real examples, in `plain_features`.
        precision: Fraction of generated examples that lie among real ones.
        recall: Fraction of real examples that lie among generated ones.
    """

    kernel_distance: float
    precision: float
    recall: float


def plain_features(items: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Coarse features: images as means of at most 7 x 7 areas; vectors as they are.

    These are enough to detect mode collapse; `score_run` scores in the features of an encoder of the domain.

    Example:
        >>> plain_features(torch.rand(5, 1, 28, 28)).shape
        torch.Size([5, 49])
    """
    return F.adaptive_avg_pool2d(items, min(SIDE, items.shape[-1])).flatten(1) if items.ndim == 4 else items


@torch.no_grad()
def evaluate_snapshot(model: GenerativeModel, source: Source, examples: int, seed: int) -> Snapshot | None:
    """Compare generated examples with as many different real ones, the same ones in every snapshot.

    Args:
        model: Generative model in evaluation mode.
        source: At least two real examples, held out if possible.
        examples: Largest number of real examples to compare with.
        seed: Seed of the choice of real examples and of the noise.

    Returns:
        The metrics; None if generated examples are not finite, so that they cannot be compared.

    Example:
        >>> from manyshot.generate import DataSpec, MODELS
        >>> source = Source.of(torch.zeros(20, 1, 8, 8), ["cat", "dog"] * 10)
        >>> evaluate_snapshot(MODELS.parse("gan(4)").build(spec=DataSpec((1, 8, 8))).averaged, source, 16, 0).recall
        0.0
    """
    batch = Batches(source, model.conditioning, examples, seed).distinct()
    real, generated = plain_features(batch.items), plain_features(generate_like(model, batch, seed))
    if not generated.isfinite().all():
        return None
    result = precision_recall(real, generated, k=min(NEIGHBORS, len(real) - 1))
    return Snapshot(kernel_distance(real, generated), result.precision, result.recall)


def generate_like(model: GenerativeModel, batch: Batch, seed: int) -> Float[Tensor, "n ..."]:
    """Generate one example for each condition of a batch; the same seed gives the same noise.

    Args:
        model: Generative model in evaluation mode.
        batch: Batch of n real examples with their conditions.
        seed: Seed of the noise.
    """
    draws = generator(seed, "look")
    condition = batch.condition
    generated = model.sample(len(batch.items), label=condition.label, like=condition.like, generator=draws)
    return generated.cpu()


def diagnose_training(
    snapshot: Snapshot | None, best_recall: float, discriminator_loss: float, saturates: bool, first: bool = False
) -> str | None:
    """What is wrong with a training, in words; None if nothing is.

    Args:
        snapshot: Latest snapshot; None if generated examples are not finite.
        best_recall: Best recall of all snapshots so far.
        discriminator_loss: Running mean of the discriminator's loss, without penalties.
        saturates: Whether the generator's loss has next to no gradient if the discriminator is sure.
        first: Whether no snapshot has been kept yet. A narrow distribution is then a lack of training, not a problem.

    Example:
        >>> diagnose_training(Snapshot(0.1, 0.9, 0.0), best_recall=0.6, discriminator_loss=0.8, saturates=True)
        'mode collapse: recall fell to 0.00 from 0.60'
        >>> diagnose_training(Snapshot(0.1, 0.9, 0.0), best_recall=0.0, discriminator_loss=0.8, saturates=True)
        'mode collapse: generated examples lie among real ones (precision 0.90) and cover almost none of them'
        >>> diagnose_training(Snapshot(0.1, 0.9, 0.5), best_recall=0.6, discriminator_loss=0.8, saturates=True) is None
        True
    """
    if snapshot is None:
        return "generated examples are not finite"
    if best_recall >= COVERED and snapshot.recall <= LOST * best_recall:
        return f"mode collapse: recall fell to {snapshot.recall:.2f} from {best_recall:.2f}"
    if not first and snapshot.recall <= NARROW and snapshot.precision >= CLOSE:
        return (
            f"mode collapse: generated examples lie among real ones (precision {snapshot.precision:.2f}) and cover "
            "almost none of them"
        )
    if saturates and discriminator_loss <= SURE:
        return (
            f"the discriminator is sure of nearly every example (loss {discriminator_loss:.3f}), where the "
            "generator's loss has next to no gradient; loss=non_saturating keeps one"
        )
    return None
