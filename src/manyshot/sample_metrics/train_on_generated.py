"""Accuracy of a classifier trained on generated examples and tested on real ones, or the reverse (CAS).

Ravuri and Vinyals 2019.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.runtime.linear_systems import solve_systems
from manyshot.sample_metrics.neighbors import check_features

PENALTY = 1e-2
"""Weight of the squared weights, relative to the number of examples."""


def transfer_accuracy(
    train_features: Float[Tensor, "n d"],
    train_labels: Int[Tensor, " n"],
    test_features: Float[Tensor, "m d"],
    test_labels: Int[Tensor, " m"],
) -> float:
    """Accuracy on the second set of a classifier trained on the first.

    The classifier is ridge regression from features, standardized by the first set, to one-hot classes; all classes
    have the same weight. Trained on generated and tested on real examples, it shows what generated examples are worth;
    trained on real and tested on generated ones, whether these are of the class that was asked for (class consistency),
    provided that the encoder is independent of the generative model.

    Args:
        train_features: Features of the first set.
        train_labels: Classes of the first set.
        test_features: Features of the second set.
        test_labels: Classes of the second set.

    Raises:
        InputError: If a set is empty, or a class of the second is not in the first.

    Example:
        >>> x = torch.cat([torch.randn(50, 2) - 5, torch.randn(50, 2) + 5])
        >>> labels = torch.arange(2).repeat_interleave(50)
        >>> transfer_accuracy(x, labels, x, labels), transfer_accuracy(x, labels, x, 1 - labels)
        (1.0, 0.0)
    """
    train_features, test_features = check_features(train_features, test_features)
    classes, index = torch.unique(train_labels.cpu(), return_inverse=True)
    unknown = ~torch.isin(test_labels.cpu(), classes)
    if unknown.any():
        raise InputError(f"class {int(test_labels.cpu()[unknown][0])} has no example to train on; add some")
    mean = train_features.mean(0)
    scale = train_features.std(0).clamp(min=1e-6) if len(train_features) > 1 else torch.ones_like(mean)
    x, y = (torch.nn.functional.pad((f - mean) / scale, (0, 1), value=1.0) for f in (train_features, test_features))
    weight = (1 / index.bincount().double())[index]
    weight = weight / weight.sum()
    target = torch.nn.functional.one_hot(index, len(classes)).double()
    gram = x.T @ (weight[:, None] * x) + PENALTY * torch.eye(x.shape[1], dtype=x.dtype)
    predicted = (y @ solve_systems(gram, x.T @ (weight[:, None] * target))).argmax(1)
    return float((classes[predicted] == test_labels.cpu()).double().mean())
