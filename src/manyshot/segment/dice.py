"""Dice coefficients: of predicted masks, and as a loss."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


def dice(predicted: Int[Tensor, "n *size"], true: Int[Tensor, "n *size"], labels: Sequence[int]) -> NDArray[np.float64]:
    """Dice coefficient of each case and label: `2 |A and B| / (|A| + |B|)` (Dice 1945).

    A label that is neither in the prediction nor in the truth has 1: nothing was to be found, and nothing was.

    Args:
        predicted: Label of each pixel of n cases.
        true: The true labels.
        labels: Labels to compare.

    Returns:
        `[n, labels]`, 0 to 1.

    Example:
        >>> dice(torch.tensor([[1, 1, 0, 0]]), torch.tensor([[1, 0, 0, 2]]), [1, 2, 3]).round(3).tolist()
        [[0.667, 0.0, 1.0]]
    """
    scores = np.ones((len(predicted), len(labels)))
    for column, label in enumerate(labels):
        a, b = (predicted == label).flatten(1), (true == label).flatten(1)
        both = (a & b).sum(1).double()
        total = (a.sum(1) + b.sum(1)).double()
        scores[:, column] = torch.where(total > 0, 2 * both / total.clamp(min=1), 1.0).cpu().numpy()
    return scores


def segmentation_loss(logits: Float[Tensor, "n k *size"], true: Int[Tensor, "n *size"]) -> Float[Tensor, ""]:
    """Mean cross-entropy plus one minus the mean soft Dice coefficient of the foreground, as in nnU-Net.

    Dice coefficients are those of the whole batch, and of the labels 1 to k - 1.

    Args:
        logits: Logits of k labels.
        true: Label of each pixel.

    Example:
        >>> true = torch.tensor([[[0, 1]]])
        >>> sure = 50 * F.one_hot(true, 2).movedim(-1, 1).float()
        >>> segmentation_loss(sure, true).round(decimals=3)
        tensor(0.)
    """
    members = torch.zeros_like(logits).scatter_(1, true[:, None], 1.0)  # `one_hot` would wait for the GPU
    chances = logits.softmax(1)
    axes = (0, *range(2, logits.ndim))
    both = (chances * members).sum(axes)
    total = (chances + members).sum(axes)
    overlap = (2 * both + 1e-5) / (total + 1e-5)
    return F.cross_entropy(logits, true) + 1 - overlap[1:].mean()
