"""What candidates of a fit are compared by: accuracy, or a measure under which rare classes count as others do."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from manyshot.base import InputError, did_you_mean
from manyshot.training.ranking import placements

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


def _accuracy(logits: Float[np.ndarray, "n c"], labels: Labels) -> Values:
    return np.asarray(logits.argmax(1) == labels, np.float64)


def _balanced_accuracy(logits: Float[np.ndarray, "n c"], labels: Labels) -> Values:
    return _accuracy(logits, labels) * _balance(labels)


def _auroc(logits: Float[np.ndarray, "n c"], labels: Labels) -> Values:
    # Logits of an example are only known up to a number that its classes share.
    finite = np.maximum(logits, -1e3)
    scores = finite - np.logaddexp.reduce(finite, axis=1, keepdims=True)
    placed = np.full(len(labels), 0.5)
    for c in np.unique(labels):
        positive = labels == c
        if not positive.all():
            placed[positive] = placements(scores[:, c], positive)[positive]
    return placed * _balance(labels)


METRICS: dict[str, Callable[[Float[np.ndarray, "n c"], Labels], Values]] = {
    "accuracy": _accuracy,
    "balanced-accuracy": _balanced_accuracy,
    "auroc": _auroc,
}
"""From logits `[n, c]` of held-out examples and their classes to one value an example, whose mean is the measure."""


def values_of(logits: Float[np.ndarray, "b n c"], labels: Labels, training: Values, metric: str) -> Values:
    """What each example contributes to the measure of each training set, `[B, n]`; 0 for examples that are not in it.

    Args:
        logits: Logits `[B, n, c]` of each example by a fit without it.
        labels: Class `[n]` of each example.
        training: 1 `[B, n]` for the examples of each training set, 0 for the others.
        metric: One of `METRICS`.

    Example:
        >>> logits, labels = np.array([[[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]]]), np.array([0, 0, 1])
        >>> values_of(logits, labels, np.ones((1, 3)), "balanced-accuracy").tolist()
        [[0.75, 0.75, 1.5]]
    """
    found = np.zeros(training.shape)
    for b, row in enumerate(training > 0):
        found[b, row] = METRICS[metric](logits[b, row], labels[row])
    return found


def check_choice_metric(metric: str) -> str:
    """The metric, if there is one of this name.

    Raises:
        InputError: If there is not.

    Example:
        >>> check_choice_metric("auroc")
        'auroc'
    """
    if metric not in METRICS:
        raise InputError(f"metric: unknown '{metric}'; {did_you_mean(metric, METRICS)}")
    return metric


def _balance(labels: Labels) -> Values:
    """Weights `[n]` of mean 1 under which each class weighs the same."""
    present, member, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (counts[member] * len(present)), np.float64)
