"""An interval for the accuracy of a finished classifier on new examples, from the few that it was fitted to."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from manyshot.classify.evaluate.example_intervals import LEVEL, Estimate, design_effect

VARIANCE_INFLATION = 1.3
"""Held-out examples that are worth one example of an independent test set."""
GAIN, GAIN_SPREAD = 0.4, 0.2
"""Mean and standard deviation, over data sets, of the gain from twice as many examples, in logits of accuracy."""
MOST_FROM_ONE = 0.99
"""Accuracy that few data sets exceed with one example per class."""
ONE_EXAMPLE = (
    "with one example per class nothing can be held out; the interval is what other data sets reach with one example"
)


def accuracy_interval(
    correct: NDArray[np.float64],
    fitted: float,
    groups: NDArray[np.int64] | None = None,
    inflation: float = VARIANCE_INFLATION,
) -> Estimate:
    """Estimate the accuracy that the classifier of all n examples has on new ones, with a 95 % interval.

    The n examples are held out in turn, and classifiers are refitted to the others, with all choices (encoder, head,
    augmentation) repeated without the held-out ones. Their accuracy is not quite what is asked for:

    - Refits share examples and judge each other's, and the accuracy of a classifier depends on the few examples that it
      got. n held-out examples are therefore worth n / 1.3 independent ones. With groups, they are also divided by
      the design effect, and by the square of the ratio of Student's to the normal quantile (Korn and Graubard 1998).
    - A refit has a fraction `fitted` of the examples. In logits, accuracy rises by 0.4 with a standard deviation over
      data sets of 0.2 when the examples are doubled; it is raised by log2(1 / `fitted`) times this.

    The ends are those of the exact interval of a proportion (Clopper and Pearson 1934), quantiles of Beta(x, n - x + 1)
    and Beta(x + 1, n - x) for x right ones of n, each raised by the uncertain gain; the estimate is the median of
    Jeffreys' posterior, raised alike. `experiments/fit_interval.py` measures how often the interval covers the accuracy
    on many new examples. By it, 1.15 would do for a head that is given; as `fit` chooses, 1.3 is used.

    Args:
        correct: How often the answer for each example `[n]` was right when it was held out, 0 to 1: the mean over
            repetitions.
        fitted: Fraction of the examples of a class that a refit had, (k - 1) / k if one of k was held out.
        groups: Group `[n]` of each example, whose examples were held out together; None without groups.
        inflation: Variance inflation: how many held-out examples are worth one of an independent test set.

    Example:
        >>> estimate = accuracy_interval(np.array([1.0] * 15 + [0.0] * 5), fitted=0.8)
        >>> round(estimate.value, 2), round(estimate.low, 2), round(estimate.high, 2)
        (0.77, 0.5, 0.94)
    """
    size = _independent_examples(correct, groups, inflation)
    right = float(correct.mean()) * size
    wrong = size - right
    low = _raised(right, wrong + 1, (1 - LEVEL) / 2, fitted) if right > 0 else 0.0
    high = _raised(right + 1, wrong, (1 + LEVEL) / 2, fitted) if wrong > 0 else 1.0
    return Estimate(_raised(right + 0.5, wrong + 0.5, 0.5, fitted), low, high)


def _raised(a: float, b: float, level: float, fitted: float) -> float:
    """Quantile of an accuracy that is Beta(a, b) in refits, raised by what the other examples gain."""
    levels = (np.arange(400) + 0.5) / 400
    accuracy = betaincinv(a, b, levels).clip(1e-12, 1 - 1e-12)
    gain = np.maximum(GAIN + GAIN_SPREAD * ndtri(levels[::10] + 4.5 / 400), 0) * np.log2(1 / fitted)
    return float(np.quantile(expit(logit(accuracy)[:, None] + gain), level))


def interval_of_one_example(classes: int) -> tuple[float, float]:
    """The interval of the accuracy with one example per class, where none can be held out: from chance to 99 %.

    Args:
        classes: Number of classes.

    Example:
        >>> interval_of_one_example(4)
        (0.25, 0.99)
    """
    return 1 / classes, MOST_FROM_ONE


def _independent_examples(correct: NDArray[np.float64], groups: NDArray[np.int64] | None, inflation: float) -> float:
    size = len(correct) / inflation
    if groups is None:
        return size
    number = len(np.unique(groups))
    if np.ptp(correct) == 0:
        return number / inflation
    quantiles = ndtri((1 + LEVEL) / 2) / stdtrit(max(number - 1, 1), (1 + LEVEL) / 2)
    return float(size / design_effect(correct - correct.mean(), groups) * quantiles**2)
