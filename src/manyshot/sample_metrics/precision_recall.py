"""Improved precision and recall (Kynkäänniemi et al. 2019)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbors import check_features, count_balls, neighbor_radii


class PrecisionRecall(NamedTuple):
    """Precision and recall of generated examples, from 0 to 1.

    Args:
        precision: Fraction of the generated examples inside the region of the real ones.
        recall: Fraction of the real examples inside the region of the generated ones.
    """

    precision: float
    recall: float


def precision_recall(real: Float[Tensor, "n d"], generated: Float[Tensor, "m d"], k: int = 3) -> PrecisionRecall:
    """Compute precision and recall; a set's region is the union of balls that reach to the k-th nearest neighbors.

    Args:
        real: Features of more than k real examples.
        generated: Features of as many generated examples; with other numbers, precision and recall are not comparable.
        k: Number of neighbors; 3 in the paper.

    Raises:
        InputError: If there are too few examples.

    Example:
        >>> import torch
        >>> x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
        >>> precision_recall(x[:200], x[200:] + 100)
        PrecisionRecall(precision=0.0, recall=0.0)
    """
    real, generated = check_features(real, generated)
    precision = (count_balls(generated, real, neighbor_radii(real, k)) > 0).double().mean()
    recall = (count_balls(real, generated, neighbor_radii(generated, k)) > 0).double().mean()
    return PrecisionRecall(float(precision), float(recall))
