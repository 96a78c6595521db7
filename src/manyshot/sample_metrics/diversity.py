"""How different the items of one class are from each other."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError


def within_class_diversity(features: Float[Tensor, "n d"], label: Int[Tensor, " n"]) -> float:
    """Root mean squared distance of two different items of a class, averaged over classes of two items or more.

    Compare that of made items with that of real ones: a share well below 1 says that a generator repeats itself.

    Args:
        features: of the items.
        label: their classes.

    Raises:
        InputError: if no class has two items.

    Example:
        >>> within_class_diversity(torch.tensor([[0.0], [2.0], [9.0], [9.0]]), torch.tensor([0, 0, 1, 1]))
        1.0
    """
    found = []
    for k in torch.unique(label):
        items = features[label == k].double()
        if len(items) > 1:
            # The mean over pairs of squared distances is twice the unbiased variance.
            found.append((2 * items.var(0).sum()).sqrt())
    if not found:
        raise InputError("no class has two items, so nothing can be said of diversity; make more items a class")
    return float(torch.stack(found).mean())
