"""What a classifier learns from made items about real ones, and the other way about (Ravuri and Vinyals 2019)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.sample_metrics.neighbours import as_sets

PENALTY = 1e-2
"""Of the squared weights, as a share of the number of items."""


def transfer(
    learned: Float[Tensor, "n d"], label: Int[Tensor, " n"], judged: Float[Tensor, "m d"], asked: Int[Tensor, " m"]
) -> float:
    """Accuracy, on the second set, of a classifier that knows the first alone.

    The classifier is ridge regression from features, centred and scaled by the first set, to the classes; classes that
    have more items count no more. Trained on made items and tested on real ones it says what made items are worth;
    trained on real ones and tested on made ones, whether made items are of the class that was asked for (class
    consistency), as far as the encoder has nothing to do with the generator.

    Args:
        learned: features of the first set.
        label: their classes.
        judged: features of the second set.
        asked: their classes.

    Raises:
        InputError: if a set is empty, or a class of the second is not in the first.

    Example:
        >>> x = torch.cat([torch.randn(50, 2) - 5, torch.randn(50, 2) + 5])
        >>> label = torch.arange(2).repeat_interleave(50)
        >>> transfer(x, label, x, label), transfer(x, label, x, 1 - label)
        (1.0, 0.0)
    """
    learned, judged = as_sets(learned, judged)
    classes, place = torch.unique(label.cpu(), return_inverse=True)
    strange = ~torch.isin(asked.cpu(), classes)
    if strange.any():
        raise InputError(f"class {int(asked.cpu()[strange][0])} is asked for and has no item to learn from; add some")
    scale = learned.std(0).clamp(min=1e-6) if len(learned) > 1 else torch.ones_like(learned[0])
    x, y = ((items - learned.mean(0)) / scale for items in (learned, judged))
    weight = (1 / place.bincount().double())[place]
    weight = weight / weight.sum()
    x, y = (torch.cat([items, torch.ones_like(items[:, :1])], 1) for items in (x, y))
    target = torch.nn.functional.one_hot(place, len(classes)).double()
    square = x.T @ (weight[:, None] * x) + PENALTY * torch.eye(x.shape[1], dtype=x.dtype)
    answer = (y @ torch.linalg.solve(square, x.T @ (weight[:, None] * target))).argmax(1)
    return float((classes[answer] == asked.cpu()).double().mean())
