"""Thresholds of a probability that keep a specificity, chosen on held-out examples and never on tested ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError, has_type
from manyshot.training.ranking import threshold_at

SPECIFICITIES = (0.9, 0.95)
"""What medicine usually asks for."""
LEAST = 20
"""Fewest examples of other classes to choose a threshold by: a specificity of 0.95 is one false alarm in 20."""
KEY = "operating_points"

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class OperatingPoint:
    """From which probability on an example is said to be of a class, for a specificity.

    Args:
        specificity: Fraction of the examples of other classes that should stay below.
        thresholds: Probability of each class that has to be exceeded.
    """

    specificity: float
    thresholds: tuple[float, ...]

    def called(self, probabilities: Values) -> NDArray[np.bool_]:
        """Whether each example is said to be of each class, `[n, classes]`.

        Args:
            probabilities: Probability `[n, classes]` of each class.

        Example:
            >>> OperatingPoint(0.9, (0.5, 0.2)).called(np.array([[0.7, 0.3], [0.9, 0.1]])).tolist()
            [[True, True], [True, False]]
        """
        return np.asarray(probabilities > np.array(self.thresholds))


def choose_points(probabilities: Values, labels: Labels) -> tuple[OperatingPoint, ...]:
    """The points for the usual specificities; none if a class has too few examples of others beside it.

    Args:
        probabilities: Probability `[n, classes]` of held-out examples.
        labels: Class `[n]` of each.

    Example:
        >>> random = np.random.default_rng(0).uniform(size=200)
        >>> points = choose_points(np.stack([random, 1 - random], 1), np.arange(200) % 2)
        >>> [point.specificity for point in points], choose_points(np.zeros((4, 2)), np.arange(4) % 2)
        ([0.9, 0.95], ())
    """
    classes = probabilities.shape[1]
    negatives = [probabilities[labels != c, c] for c in range(classes)]
    if min(map(len, negatives)) < LEAST:
        return ()
    return tuple(
        OperatingPoint(level, tuple(threshold_at(scores, level) for scores in negatives)) for level in SPECIFICITIES
    )


def called_across(probabilities: Values, labels: Labels, fold: Labels) -> dict[float, NDArray[np.bool_]]:
    """What is said of each held-out example by thresholds from the other folds, `[n, classes]` by specificity.

    Args:
        probabilities: Probability `[n, classes]` of held-out examples.
        labels: Class `[n]` of each.
        fold: Part `[n]` of each; examples of a patient are in one.

    Returns:
        Nothing if the other folds are too few examples to choose by.
    """
    answer = {level: np.zeros(probabilities.shape, np.bool_) for level in SPECIFICITIES}
    for part in np.unique(fold):
        points = choose_points(probabilities[fold != part], labels[fold != part])
        if not points:
            return {}
        for point in points:
            answer[point.specificity][fold == part] = point.called(probabilities[fold == part])
    return answer


def points_as_dict(points: tuple[OperatingPoint, ...]) -> dict[str, list[float]]:
    """The points for the report of a fit, and so for the model's folder.

    Example:
        >>> points_as_dict((OperatingPoint(0.9, (0.5, 0.2)),))
        {'0.9': [0.5, 0.2]}
    """
    return {f"{point.specificity:g}": list(point.thresholds) for point in points}


def points_of(report: Mapping[str, Any], classes: int) -> tuple[OperatingPoint, ...]:
    """The points that a fit stored with its model; none in a model of an earlier version.

    Args:
        report: Report of the fit.
        classes: Number of classes.

    Raises:
        InputError: If what is stored is not what a fit writes.

    Example:
        >>> points_of({"operating_points": {"0.9": [0.5, 0.2]}}, 2)
        (OperatingPoint(specificity=0.9, thresholds=(0.5, 0.2)),)
    """
    stored = report.get(KEY) or {}
    good = has_type(stored, dict[str, list[float]]) and all(
        len(one) == classes and level.replace(".", "", 1).isdecimal() for level, one in stored.items()
    )
    if not good:
        raise InputError(f"model.json: '{KEY}' is not what `manyshot fit` writes; restore the file, or fit again")
    return tuple(OperatingPoint(float(level), tuple(one)) for level, one in stored.items())
