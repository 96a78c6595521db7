"""95 % intervals of measures over examples, or over groups of examples such as patients.

A measure is described by its value and by the influence of each example on it: the amount by which the value changes,
to first order, with the example's weight. The sum of squared influences, by group, is the variance of the value
(linearization; for the area under the ROC curve it is that of DeLong, DeLong and Clarke-Pearson 1988).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit  # scipy.stats takes a second to import

LEVEL = 0.95

Values = NDArray[np.float64]
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A measure and its 95 % interval.

    Args:
        value: The measure.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, object]:
        """The estimate for JSON: `{"value", "interval"}`."""
        return {"value": self.value, "interval": [self.low, self.high]}


def wilson(value: float, size: float, quantile: float | None = None) -> tuple[float, float]:
    """The interval of Wilson (1927) of a proportion.

    Args:
        value: Observed proportion.
        size: Number of observations; a fraction if it is an effective number.
        quantile: Number of standard errors; that of the normal distribution for 95 % if None.

    Example:
        >>> low, high = wilson(10 / 20, 20)
        >>> round(low, 3), round(high, 3)
        (0.299, 0.701)
    """
    z = float(ndtri((1 + LEVEL) / 2)) if quantile is None else quantile
    scale = z**2 / size
    center = (value + scale / 2) / (1 + scale)
    half = np.sqrt(value * (1 - value) * scale + scale**2 / 4) / (1 + scale)
    # Rounding errors must neither exclude the value itself nor leave 0 to 1.
    return float(max(min(center - half, value), 0.0)), float(min(max(center + half, value), 1.0))


def bounded_estimate(value: float, influence: Values, size: float, groups: Groups | None = None) -> Estimate:
    """A measure between 0 and 1, with an interval like that of a proportion.

    The interval is Wilson's with the effective number of observations n* = value (1 - value) / variance, at most
    `size` (Korn and Graubard 1998; Franco et al. 2019), so that it has a width where all observations agree. With
    groups, its quantile is Student's with one degree of freedom less than groups; and where all observations agree,
    each group counts as one observation.

    Args:
        value: The measure.
        influence: Influence `[n]` of each example on it.
        size: Number of observations if examples were independent and equally hard.
        groups: Group `[n]` of each example; None if examples are independent.

    Example:
        >>> correct = np.array([1.0] * 8 + [0.0] * 2)
        >>> estimate = bounded_estimate(0.8, (correct - 0.8) / 10, 10)
        >>> round(estimate.low, 2), round(estimate.high, 2)
        (0.49, 0.94)
    """
    if groups is None:
        variance, quantile, least = float((influence**2).sum()), None, size
    else:
        variance, number, least = _variance(influence, groups), len(np.unique(groups)), _group_size(groups)
        if number < 2:
            return Estimate(value, 0.0, 1.0)
        quantile = float(stdtrit(number - 1, (1 + LEVEL) / 2))
        least = min(least, size)
    spread = value * (1 - value)
    effective = least if variance <= 1e-15 or spread <= 0 else min(spread / variance, size)
    return Estimate(value, *wilson(value, effective, quantile))


def mean_estimate(values: Values, least: float, most: float, groups: Groups | None = None) -> Estimate:
    """A mean over examples with Student's interval, over groups where there are groups.

    Args:
        values: Value `[n]` of each example.
        least: Smallest possible mean, at which the interval is cut off.
        most: Largest possible mean, at which the interval is cut off.
        groups: Group `[n]` of each example; None if examples are independent.

    Example:
        >>> estimate = mean_estimate(np.array([0.2, 0.4, 0.3, 0.3]), 0, 2)
        >>> round(estimate.value, 2), round(estimate.low, 2), round(estimate.high, 2)
        (0.3, 0.17, 0.43)
    """
    mean = float(values.mean())
    influence = (values - mean) / len(values)
    units = len(values) if groups is None else len(np.unique(groups))
    if units < 2:
        return Estimate(mean, least, most)
    half = float(stdtrit(units - 1, (1 + LEVEL) / 2) * np.sqrt(_variance(influence, groups)))
    return Estimate(mean, max(mean - half, least), min(mean + half, most))


def _variance(influence: Values, groups: Groups | None) -> float:
    """Variance of a measure; without bias for the mean of examples or of equal groups."""
    if groups is not None:
        names, member = np.unique(groups, return_inverse=True)
        influence = np.bincount(member, influence, len(names)).astype(np.float64)
    n = len(influence)
    return float((influence**2).sum()) * n / max(n - 1, 1)


def design_effect(influence: Values, groups: Groups | None) -> float:
    """How many times larger the variance is than if examples were independent, at least 1 (Kish 1965).

    Args:
        influence: Influence `[n]` of each example on the measure.
        groups: Group `[n]` of each example; None if examples are independent.

    Example:
        >>> design_effect(np.array([0.1, 0.1, -0.1, -0.1]), np.array([0, 0, 1, 1]))
        3.0
    """
    if groups is None:
        return 1.0
    independent = _variance(influence, None)
    return max(_variance(influence, groups) / independent, 1.0) if independent > 0 else 1.0


def _group_size(groups: Groups) -> float:
    """The effective number of groups of different sizes (Kish 1965)."""
    sizes = np.unique(groups, return_counts=True)[1]
    return float(sizes.sum() ** 2 / (sizes**2).sum())
