"""Labels that are probably wrong, and classes that are confused, by a classifier's probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABEL_NOISE = 0.05
"""Fraction of wrong labels that is assumed before the examples are seen."""


@dataclass(frozen=True)
class LabelIssue:
    """An example whose label is probably wrong.

    Args:
        example: Its index.
        label: The class that it is labeled as.
        suggestion: The class that is most probable.
        probability: Probability that the label is wrong.
    """

    example: int
    label: int
    suggestion: int
    probability: float

    def as_dict(self, names: tuple[str, ...], class_names: tuple[str, ...]) -> dict[str, Any]:
        """The suspect for JSON.

        Args:
            names: Names of the examples.
            class_names: Names of the classes.
        """
        return {
            "example": names[self.example],
            "label": class_names[self.label],
            "suggestion": class_names[self.suggestion],
            "probability": self.probability,
        }


@dataclass(frozen=True)
class Confusion:
    """Two classes that are taken for each other.

    Args:
        classes: Indices of both classes.
        wrong: Expected number of examples of either class that are taken for the other.
        examples: Number of examples of both classes.
    """

    classes: tuple[int, int]
    wrong: float
    examples: int

    @property
    def fraction(self) -> float:
        """Fraction of the examples of both classes that are taken for the other class."""
        return self.wrong / self.examples

    def as_dict(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """The pair for JSON.

        Args:
            class_names: Names of the classes.
        """
        names = [class_names[c] for c in self.classes]
        return {"classes": names, "wrong": self.wrong, "examples": self.examples}


def find_label_issues(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> list[LabelIssue]:
    """Find examples whose label is probably wrong, by a classifier that was fitted without them.

    If one label in 20 is wrong, the odds that this one is wrong are 1/19 of the ratio of the largest probability to
    that of the label; examples with odds above 1 are suspects. Confident learning (Northcutt, Jiang and Chuang 2021)
    compares with the mean probability of each class instead, which at 5 to 20 examples per class also suspects most
    honest mistakes of the classifier.

    Args:
        probabilities: Calibrated out-of-sample probabilities `[n, classes]`.
        labels: Class `[n]` of each example.

    Returns:
        The suspects, the most probable first.

    Example:
        >>> suspects = find_label_issues(np.array([[0.9, 0.1], [0.99, 0.01], [0.3, 0.7]]), np.array([0, 1, 0]))
        >>> [(one.example, one.suggestion, round(one.probability, 2)) for one in suspects]
        [(1, 0, 0.84)]
    """
    rows = np.arange(len(labels))
    suggestion = probabilities.argmax(1)
    wrong = LABEL_NOISE * probabilities[rows, suggestion]
    chance = wrong / (wrong + (1 - LABEL_NOISE) * probabilities[rows, labels])
    found = np.flatnonzero((suggestion != labels) & (chance > 0.5))
    return [
        LabelIssue(int(i), int(labels[i]), int(suggestion[i]), float(chance[i]))
        for i in found[np.argsort(-chance[found], kind="stable")]
    ]


def find_confusions(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], most: int = 5, least: float = 1.0
) -> list[Confusion]:
    """Find the pairs of classes that a classifier takes for each other most often.

    Args:
        probabilities: Out-of-sample probabilities `[n, classes]`; or how often each class was the answer, where an
            example was held out several times.
        labels: Class `[n]` of each example.
        most: Largest number of pairs.
        least: Smallest number of confused examples of a pair.

    Returns:
        The pairs, those with the largest fraction of confused examples first.

    Example:
        >>> answers = np.eye(3)[[0, 1, 1, 0, 2, 2]]
        >>> find_confusions(answers, np.array([0, 0, 1, 1, 2, 2]))
        [Confusion(classes=(0, 1), wrong=2.0, examples=4)]
    """
    classes = probabilities.shape[1]
    answers = np.eye(classes)[probabilities.argmax(1)]
    table = np.eye(classes)[labels].T @ answers
    counts = table.sum(1)
    both = table + table.T
    pairs = [
        Confusion((int(a), int(b)), float(both[a, b]), int(counts[a] + counts[b]))
        for a, b in zip(*np.triu_indices(classes, 1), strict=True)
        if both[a, b] >= least
    ]
    return sorted(pairs, key=lambda pair: (-pair.fraction, pair.classes))[:most]
