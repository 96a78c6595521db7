"""Improved precision and recall (Kynkäänniemi et al. 2019)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbours import as_sets, inside, radii


class PrecisionRecall(NamedTuple):
    """Shares from 0 to 1.

    Args:
        precision: of the made items, how many lie where real ones do.
        recall: of the real items, how many lie where made ones do.
    """

    precision: float
    recall: float


def precision_recall(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"], k: int = 3) -> PrecisionRecall:
    """Where a set lies is the union of balls about its items, each up to the item's k-th nearest neighbour.

    Args:
        real: features of real items, more than k.
        made: features of made ones, more than k; as many as real ones, or recall and precision do not compare.
        k: neighbours; the paper's 3.

    Raises:
        InputError: if there are fewer.

    Example:
        >>> import torch
        >>> x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
        >>> precision_recall(x[:200], x[200:] + 100)
        PrecisionRecall(precision=0.0, recall=0.0)
    """
    real, made = as_sets(real, made)
    precision = (inside(made, real, radii(real, k)) > 0).double().mean()
    recall = (inside(real, made, radii(made, k)) > 0).double().mean()
    return PrecisionRecall(float(precision), float(recall))
