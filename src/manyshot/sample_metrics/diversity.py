"""Diversity of the examples of a class."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError


def within_class_diversity(features: Float[Tensor, "n d"], labels: Int[Tensor, " n"]) -> float:
    """Root mean squared distance of two different examples of a class, averaged over classes of at least two examples.

    Compare the diversity of generated examples with that of real ones: a ratio well below 1 means that a model repeats
    itself.

    Args:
        features: Features of the examples.
        labels: Classes of the examples.

    Raises:
        InputError: If no class has two examples.

    Example:
        >>> within_class_diversity(torch.tensor([[0.0], [2.0], [9.0], [9.0]]), torch.tensor([0, 0, 1, 1]))
        1.0
    """
    distances = []
    for k in torch.unique(labels):
        members = features[labels == k].double()
        if len(members) > 1:
            # The mean over pairs of squared distances is twice the unbiased variance.
            distances.append((2 * members.var(0).sum()).sqrt())
    if not distances:
        raise InputError("no class has two examples, so diversity is undefined; generate more examples per class")
    return float(torch.stack(distances).mean())
