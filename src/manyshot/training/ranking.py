"""How well scores rank examples of a class above the others: areas under curves, and thresholds for a specificity."""

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]


def placements(scores: Values, positive: Flags) -> Values:
    """Of each example, the fraction of the other kind that is ranked on the right side of it; equal scores count half.

    Their mean over the positive examples, as over the negative ones, is the area under the ROC curve.

    Args:
        scores: Score `[n]` of each example; higher ones speak for the class.
        positive: Whether each example `[n]` is of the class; some are, and some are not.

    Example:
        >>> placements(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])).tolist()
        [1.0, 0.5, 0.5, 1.0]
    """
    placed = np.empty(len(scores))
    placed[positive] = _fraction_below(scores[positive], scores[~positive])
    placed[~positive] = 1 - _fraction_below(scores[~positive], scores[positive])
    return placed


def average_precision(scores: Values, positive: Flags) -> tuple[float, Values]:
    """Area under the precision-recall curve as a sum of steps, and the influence of each example on it.

    The mean over positive examples of the precision among the examples that score at least as much. The influence is
    the derivative with respect to an example's weight: what an interval is made of.

    Args:
        scores: Score `[n]` of each example; higher ones speak for the class.
        positive: Whether each example `[n]` is of the class; at least one is.

    Returns:
        The average precision, and the influences `[n]`, whose sum is 0.

    Example:
        >>> value, influence = average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
        >>> round(value, 3), abs(round(float(influence.sum()), 6))
        (0.833, 0.0)
    """
    ordered = np.sort(scores)
    among = len(scores) - np.searchsorted(ordered, scores, "left")
    right = int(positive.sum()) - np.searchsorted(np.sort(scores[positive]), scores, "left")
    precision = right / among
    count = int(positive.sum())
    value = float(precision[positive].mean())
    own = np.where(positive, precision - value, 0.0)
    # An example changes the precision at each positive that scores no more than it does.
    order = np.argsort(scores[positive], kind="stable")
    lower = np.searchsorted(scores[positive][order], scores, "right")
    shares = np.concatenate([[0.0], np.cumsum((1 / among)[positive][order])])
    kept = np.concatenate([[0.0], np.cumsum((precision / among)[positive][order])])
    return value, (own + positive * shares[lower] - kept[lower]) / count


def mean_auroc(probabilities: Values, labels: Labels) -> tuple[float, Values]:
    """Area under the ROC curve of each class against the rest, averaged over the classes that have examples.

    Args:
        probabilities: Probability `[n, classes]` of each class.
        labels: Class `[n]` of each example; at least two classes have some.

    Returns:
        The mean, and the influence `[n]` of each example, by its placements (DeLong et al. 1988).

    Example:
        >>> mean_auroc(np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]), np.array([0, 1, 0]))[0]
        0.5
    """
    present = np.unique(labels)
    value, influence = 0.0, np.zeros(len(labels))
    for c in present:
        positive = labels == c
        placed = placements(probabilities[:, c], positive)
        area = float(placed[positive].mean())
        value += area / len(present)
        counts = np.where(positive, positive.sum(), (~positive).sum())
        influence += (placed - area) / counts / len(present)
    return min(value, 1.0), influence


def mean_average_precision(probabilities: Values, labels: Labels) -> tuple[float, Values]:
    """Average precision of each class against the rest, averaged over the classes that have examples.

    Args:
        probabilities: Probability `[n, classes]` of each class.
        labels: Class `[n]` of each example.

    Returns:
        The mean, and the influence `[n]` of each example.

    Example:
        >>> mean_average_precision(np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]]), np.array([0, 1, 0]))[0]
        1.0
    """
    parts = [average_precision(probabilities[:, c], labels == c) for c in np.unique(labels)]
    return min(float(np.mean([one for one, _ in parts])), 1.0), np.mean([one for _, one in parts], axis=0)


def threshold_at(negatives: Values, specificity: float) -> float:
    """The lowest threshold that at least a fraction of the examples of other classes do not exceed.

    Args:
        negatives: Score `[n]` of each example of other classes, at least one; of other people than those to be tested.
        specificity: The fraction, above 0 and at most 1.

    Example:
        >>> threshold_at(np.arange(10) / 10, 0.9)
        0.8
    """
    rank = math.ceil(round(specificity * len(negatives), 9))
    return float(np.partition(negatives, rank - 1)[rank - 1])


def _fraction_below(scores: Values, others: Values) -> Values:
    """Fraction of the others that each score exceeds; equal ones count half."""
    ordered = np.sort(others)
    below, not_above = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return (below + not_above) / 2 / len(others)
