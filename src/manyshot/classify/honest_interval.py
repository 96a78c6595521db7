"""An interval for the accuracy of a finished classifier on new examples, from the few that it was fitted to."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from manyshot.classify.intervals import LEVEL, Estimate, design_effect

REFITS = 1.6
"""Examples that one example of an independent test set is worth."""
GAIN, GAIN_SPREAD = 0.4, 0.2
"""Mean and standard deviation, over data sets, of the gain from twice as many examples, in logits of accuracy."""
MOST_FROM_ONE = 0.99
"""Accuracy that few data sets exceed with one example per class."""
ONE_EXAMPLE = (
    "with one example per class nothing can be held out; the interval is what other data sets reach with one example"
)


def honest_interval(correct: NDArray[np.float64], fitted: float, groups: NDArray[np.int64] | None = None) -> Estimate:
    """Estimate the accuracy that the classifier of all n examples has on new ones, with a 95 % interval.

    The n examples are held out in turn, and classifiers are refitted to the others, with all choices (encoder, head,
    augmentation) repeated without the held-out ones. Their accuracy is not quite what is asked for:

    - Refits share examples and judge each other's, and the accuracy of a classifier depends on the few examples that it
      got. n held-out examples are therefore worth n / 1.6 independent ones. With groups, they are also divided by
      the design effect, and by the square of the ratio of Student's to the normal quantile (Korn and Graubard 1998).
    - A refit has a fraction `fitted` of the examples. In logits, accuracy rises by 0.4 with a standard deviation over
      data sets of 0.2 when the examples are doubled; it is raised by log2(1 / `fitted`) times this.

    The interval holds 95 % of the resulting distribution: Jeffreys' posterior of a proportion, raised by the uncertain
    gain. `experiments/fit_interval.py` measures how often it covers the accuracy on many new examples, and the three
    constants were chosen by it.

    Args:
        correct: How often the answer for each example `[n]` was right when it was held out, 0 to 1: the mean over
            repetitions.
        fitted: Fraction of the examples of a class that a refit had, (k - 1) / k if one of k was held out.
        groups: Group `[n]` of each example, whose examples were held out together; None without groups.

    Example:
        >>> estimate = honest_interval(np.array([1.0] * 15 + [0.0] * 5), fitted=0.8)
        >>> round(estimate.value, 2), round(estimate.low, 2), round(estimate.high, 2)
        (0.77, 0.51, 0.93)
    """
    size = _independent_examples(correct, groups)
    right = float(correct.mean()) * size
    levels = (np.arange(400) + 0.5) / 400
    accuracy = betaincinv(right + 0.5, size - right + 0.5, levels).clip(1e-12, 1 - 1e-12)
    gain = np.maximum(GAIN + GAIN_SPREAD * ndtri(levels[::10] + 4.5 / 400), 0) * np.log2(1 / fitted)
    low, middle, high = np.quantile(expit(logit(accuracy)[:, None] + gain), [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    mean = float(correct.mean())
    return Estimate(float(middle), 0.0 if mean == 0 else float(low), 1.0 if mean == 1 else float(high))


def interval_of_one_example(classes: int) -> tuple[float, float]:
    """The interval of the accuracy with one example per class, where none can be held out: from chance to 99 %.

    Args:
        classes: Number of classes.

    Example:
        >>> interval_of_one_example(4)
        (0.25, 0.99)
    """
    return 1 / classes, MOST_FROM_ONE


def _independent_examples(correct: NDArray[np.float64], groups: NDArray[np.int64] | None) -> float:
    size = len(correct) / REFITS
    if groups is None:
        return size
    number = len(np.unique(groups))
    if np.ptp(correct) == 0:
        return number / REFITS
    quantiles = ndtri((1 + LEVEL) / 2) / stdtrit(max(number - 1, 1), (1 + LEVEL) / 2)
    return float(size / design_effect(correct - correct.mean(), groups) * quantiles**2)
