"""Measures of a classifier on labeled examples, each with a 95 % interval over examples or groups of examples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError
from manyshot.classify.evaluate.example_intervals import (
    Estimate,
    Values,
    bounded_estimate,
    design_effect,
    mean_estimate,
)
from manyshot.training.ranking import mean_auroc, mean_average_precision

BINS = 15

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Sensitivity:
    """How many examples of a class are found by a threshold that keeps a specificity.

    Args:
        mean: Fraction of the examples of a class that are found, averaged over the classes that have examples.
        found: Of each class: the fraction of its examples that are found; None for a class without examples.
        spared: Of each class: the fraction of the examples of other classes that are not taken for it, which may differ
            from what the threshold was chosen for; None if there are no others.
    """

    mean: Estimate
    found: tuple[Estimate | None, ...]
    spared: tuple[Estimate | None, ...]

    @property
    def specificity(self) -> float:
        """Mean of the specificity over classes, as it is here."""
        return float(np.mean([one.value for one in self.spared if one is not None]))

    def as_dict(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """Sensitivity with its interval, specificity, and both of each class, for JSON.

        Args:
            class_names: Names of the classes.
        """
        per_class = {
            name: {
                "sensitivity": None if found is None else found.as_dict(),
                "specificity": None if spared is None else spared.as_dict(),
            }
            for name, found, spared in zip(class_names, self.found, self.spared, strict=True)
        }
        return {**self.mean.as_dict(), "specificity": self.specificity, "per_class": per_class}


@dataclass(frozen=True, eq=False)
class Metrics:
    """How good a classifier is on labeled examples.

    Args:
        accuracy: Fraction of right answers.
        balanced_accuracy: Mean of the recall over the classes that have examples.
        recall: Of each class: the fraction of its examples that were recognized; None for a class without examples.
        precision: Of each class: the fraction of right answers among those that name it; None if no answer does.
        confusion: Number `[classes, classes]` of examples by class (row) and answer (column).
        auroc: Area under the ROC curve of each class against the rest, averaged over the classes that have examples;
            None if there is only one such class.
        average_precision: Area under the precision-recall curve of each class against the rest, averaged likewise;
            what to look at where a class is rare: a classifier that guesses has the class's share.
        calibration_error: Expected calibration error: mean gap between confidence and accuracy over 15 equal bins.
        brier: Brier score: mean squared distance of the probabilities from the truth, 0 (best) to 2.
        reliability: `[15, 3]` fraction of the examples, mean confidence and accuracy of each bin of confidence.
        examples: Number of examples.
        groups: Number of groups that the intervals are over; None if they are over examples.
        sensitivity: How many examples are found at each specificity; empty without thresholds from other examples.
    """

    accuracy: Estimate
    balanced_accuracy: Estimate
    recall: tuple[Estimate | None, ...]
    precision: tuple[Estimate | None, ...]
    confusion: NDArray[np.int64]
    auroc: Estimate | None
    average_precision: Estimate | None
    calibration_error: Estimate
    brier: Estimate
    reliability: Values
    examples: int
    groups: int | None = None
    sensitivity: Mapping[float, Sensitivity] = field(default_factory=dict)

    def as_dict(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """The measures for JSON; those without an interval of their own as plain numbers.

        Args:
            class_names: Names of the classes.
        """
        scores = {
            "balanced_accuracy": self.balanced_accuracy,
            "auroc": self.auroc,
            "average_precision": self.average_precision,
            "calibration_error": self.calibration_error,
            "brier": self.brier,
        }
        answer: dict[str, Any] = {"accuracy": self.accuracy.value, "interval": [self.accuracy.low, self.accuracy.high]}
        for name, score in scores.items():
            answer[name] = None if score is None else score.value
            answer[f"{name}_interval"] = None if score is None else [score.low, score.high]
        answer["interval_over"] = "examples" if self.groups is None else "groups"
        answer["examples"] = self.examples
        answer["groups"] = self.groups
        answer["per_class"] = {
            name: {
                "examples": int(self.confusion[c].sum()),
                "recall": None if recall is None else recall.as_dict(),
                "precision": None if precision is None else precision.as_dict(),
            }
            for c, (name, recall, precision) in enumerate(zip(class_names, self.recall, self.precision, strict=True))
        }
        answer["confusion"] = self.confusion.tolist()
        answer["sensitivity"] = {f"{level:g}": one.as_dict(class_names) for level, one in self.sensitivity.items()}
        return answer


def measure(
    probabilities: Values,
    labels: Labels,
    groups: Labels | None = None,
    called: Mapping[float, NDArray[np.bool_]] | None = None,
) -> Metrics:
    """Measure a classifier by its probabilities for labeled examples.

    Intervals are those of `bounded_estimate` (Wilson's interval for accuracy without groups) and of `mean_estimate`
    (Brier score). The calibration error of few examples is biased upward, since chance opens a gap in every bin: the
    lower end of its interval subtracts the gaps that chance opens in 97.5 % of the cases where there are none.

    Args:
        probabilities: Probability `[n, classes]` of each class.
        labels: Class `[n]` of each example.
        groups: Group `[n]` of each example, such as its patient; None if the examples are independent.
        called: By specificity: whether each example `[n, classes]` exceeds the threshold of each class, which other
            examples gave; see `choose_points`.

    Raises:
        InputError: If there are no examples.

    Example:
        >>> metrics = measure(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1]))
        >>> round(metrics.accuracy.value, 3), metrics.balanced_accuracy.value, metrics.confusion.tolist()
        (0.667, 0.75, [[1, 0], [1, 1]])
    """
    n, classes = probabilities.shape
    if n == 0:
        raise InputError("no labeled examples to measure the classifier by; give at least 1")
    answers = probabilities.argmax(1)
    correct = (answers == labels).astype(float)
    confidence = probabilities.max(1)
    confusion = np.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)
    members = np.eye(classes)[labels]
    ranked = bool(confusion.any(1).sum() > 1)
    gaps = ((probabilities - members) ** 2).sum(1)
    return Metrics(
        accuracy=_proportion(correct, np.ones(n), groups),
        balanced_accuracy=_balanced(correct, labels, confusion, groups),
        recall=tuple(_of_class(correct, labels == c, groups) for c in range(classes)),
        precision=tuple(_of_class(correct, answers == c, groups) for c in range(classes)),
        confusion=confusion,
        auroc=bounded_estimate(*mean_auroc(probabilities, labels), n, groups) if ranked else None,
        average_precision=bounded_estimate(*mean_average_precision(probabilities, labels), n, groups)
        if ranked
        else None,
        calibration_error=_calibration_error(confidence, correct, groups),
        brier=mean_estimate(gaps, 0.0, 2.0, groups),
        reliability=reliability(confidence, correct),
        examples=n,
        groups=None if groups is None else len(np.unique(groups)),
        sensitivity={level: _sensitivity(one, labels, confusion, groups) for level, one in (called or {}).items()},
    )


def reliability(confidence: Values, correct: Values) -> Values:
    """Fraction of the examples, mean confidence and accuracy in each of 15 equal bins of confidence.

    Args:
        confidence: Probability `[n]` of each answer.
        correct: Whether each answer is right `[n]`, 0 or 1.

    Example:
        >>> reliability(np.array([0.95, 0.99]), np.array([1.0, 0.0]))[-1].round(2).tolist()
        [1.0, 0.97, 0.5]
    """
    bins = _bins(confidence)
    mass = np.bincount(bins, minlength=BINS)
    sums = (np.bincount(bins, values, BINS) / np.maximum(mass, 1) for values in (confidence, correct))
    return np.stack([mass / len(confidence), *sums], 1)


def _proportion(correct: Values, weight: Values, groups: Labels | None) -> Estimate:
    """A weighted mean of right answers."""
    value = float(weight @ correct / weight.sum())
    weight = weight / weight.sum()
    return bounded_estimate(value, weight * (correct - value), 1 / float((weight**2).sum()), groups)


def _of_class(correct: Values, member: NDArray[np.bool_], groups: Labels | None) -> Estimate | None:
    if not member.any():
        return None
    return _proportion(correct[member], np.ones(int(member.sum())), None if groups is None else groups[member])


def _balanced(correct: Values, labels: Labels, confusion: NDArray[np.int64], groups: Labels | None) -> Estimate:
    counts = confusion.sum(1)
    recall = confusion.diagonal() / np.maximum(counts, 1)
    weight = 1 / counts[labels] / (counts > 0).sum()
    value = float(recall[counts > 0].mean())
    return bounded_estimate(value, weight * (correct - recall[labels]), 1 / float((weight**2).sum()), groups)


def _sensitivity(
    called: NDArray[np.bool_], labels: Labels, confusion: NDArray[np.int64], groups: Labels | None
) -> Sensitivity:
    """What the thresholds of all classes find, and spare."""
    found = called[np.arange(len(labels)), labels].astype(float)
    hits = np.zeros_like(confusion)
    np.add.at(hits, (labels, np.where(found > 0, labels, (labels + 1) % len(confusion))), 1)
    return Sensitivity(
        mean=_balanced(found, labels, hits, groups),
        found=tuple(_of_class(found, labels == c, groups) for c in range(len(confusion))),
        spared=tuple(_of_class((~called[:, c]).astype(float), labels != c, groups) for c in range(len(confusion))),
    )


def _calibration_error(confidence: Values, correct: Values, groups: Labels | None) -> Estimate:
    """The gaps of the bins, each with the noise of its number of right answers."""
    fraction, mean, accuracy = reliability(confidence, correct).T
    value = float((fraction * abs(mean - accuracy)).sum())
    n = len(correct)
    count = fraction * n
    # The variance of a bin's accuracy, if the bin is calibrated and if it is as right as observed, whichever is larger;
    # the latter is smoothed, since the accuracy of a bin of one example is 0 or 1.
    smooth = (count * accuracy + mean) / (count + 1)
    variance = np.maximum(smooth * (1 - smooth), mean * (1 - mean))
    noise = np.sqrt(fraction * variance / n * design_effect(correct - correct.mean(), groups))
    z, fold = 1.96, np.sqrt(2 / np.pi)  # a normal variable has the mean size `fold`, in standard deviations
    chance = fold * noise.sum() + z * np.sqrt((1 - fold**2) * (noise**2).sum())
    return Estimate(value, max(value - float(chance), 0.0), min(value + z * float(np.sqrt((noise**2).sum())), 1.0))


def _bins(confidence: Values) -> NDArray[np.int64]:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
