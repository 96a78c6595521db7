"""Measures of the answers in few-shot tasks beside accuracy: task by task, with what each query contributes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError, did_you_mean
from manyshot.training.ranking import mean_auroc, mean_average_precision, threshold_at

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class QueryPredictions:
    """Predictions of a learner for the queries of T tasks.

    Args:
        probabilities: Probability `[tasks, queries, ways]` of each class of the task; 0 for classes that are padding.
        class_ids: Class `[tasks, queries]` of each query, from 0; -1 for queries that are padding.
    """

    probabilities: NDArray[np.float32]
    class_ids: Labels


@dataclass(frozen=True, eq=False)
class TaskScores:
    """A measure of each task.

    Args:
        values: `[tasks]` value of each task.
        influence: `[tasks, queries]` how the value of a task depends on each query, to first order, by the query's
            weight; sums to 0 in each task, and is 0 for padding.
    """

    values: Values
    influence: Values


@dataclass(frozen=True)
class Measure:
    """A measure of one task.

    Args:
        of_task: From probabilities `[n, ways]` and classes `[n]` to the value and the influence `[n]`.
        most: Its largest value; the smallest is 0.
        lower_is_better: Whether it measures errors.
    """

    of_task: Callable[[Values, Labels], tuple[float, Values]]
    most: float = 1.0
    lower_is_better: bool = False


def _accuracy(probabilities: Values, labels: Labels) -> tuple[float, Values]:
    right = _right(probabilities, labels)
    return float(right.mean()), (right - right.mean()) / len(right)


def _balanced_accuracy(probabilities: Values, labels: Labels) -> tuple[float, Values]:
    return _by_class(_right(probabilities, labels), labels)


def _brier(probabilities: Values, labels: Labels) -> tuple[float, Values]:
    gaps = ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(1)
    return float(gaps.mean()), (gaps - gaps.mean()) / len(gaps)


MEASURES: dict[str, Measure] = {
    "accuracy": Measure(_accuracy),
    "balanced-accuracy": Measure(_balanced_accuracy),
    "auroc": Measure(mean_auroc),
    "average-precision": Measure(mean_average_precision),
    "brier": Measure(_brier, most=2.0, lower_is_better=True),
}
"""Measures of a task by name; measures of a single class are one-vs-rest, averaged over the task's classes."""


def check_metric(name: str) -> str:
    """The name of a measure, if there is one of this name.

    Raises:
        InputError: If there is not.

    Example:
        >>> check_metric("auroc")
        'auroc'
        >>> check_metric("auc")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: metric: unknown 'auc'; did you mean 'auroc'?
    """
    if name not in MEASURES:
        raise InputError(f"metric: unknown '{name}'; {did_you_mean(name, MEASURES)}")
    return name


def score_tasks(answers: QueryPredictions, metric: str) -> TaskScores:
    """A measure of each task.

    A query of no class that could be ranked against another (a task whose queries are all of one class) gives NaN.

    Args:
        answers: What was said of the queries.
        metric: One of `MEASURES`.

    Raises:
        InputError: If there is no such measure.

    Example:
        >>> probabilities = np.array([[[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]], dtype=np.float32)
        >>> score_tasks(QueryPredictions(probabilities, np.array([[0, 1, 1]])), "balanced-accuracy").values
        array([0.75])
    """
    return _score(answers, MEASURES[check_metric(metric)].of_task)


def threshold_of(answers: QueryPredictions, specificity: float) -> float:
    """The probability that a fraction of all queries do not exceed for classes that are not theirs.

    One threshold for all tasks, since the classes of new tasks are new. It has to come from other tasks than those that
    it is used on: of the validation classes or patients.

    Args:
        answers: What was said of the queries of such tasks.
        specificity: The fraction, above 0 and at most 1.

    Example:
        >>> probabilities = np.array([[[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]]], dtype=np.float32)
        >>> round(threshold_of(QueryPredictions(probabilities, np.array([[0, 1, 0]])), 0.6), 3)
        0.2
    """
    real = answers.class_ids >= 0
    others = real[..., None] & (np.arange(answers.probabilities.shape[2]) != answers.class_ids[..., None])
    # Classes that are padding have probability 0 in every query, and are nobody's false alarm.
    others &= (answers.probabilities > 0).any(1, keepdims=True)
    return threshold_at(answers.probabilities[others].astype(np.float64), specificity)


def sensitivity(answers: QueryPredictions, threshold: float) -> TaskScores:
    """Fraction of the queries of a class whose probability for it exceeds a threshold, averaged over a task's classes.

    Args:
        answers: What was said of the queries.
        threshold: From `threshold_of` of other tasks.

    Example:
        >>> probabilities = np.array([[[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]]], dtype=np.float32)
        >>> sensitivity(QueryPredictions(probabilities, np.array([[0, 1, 0]])), 0.7).values
        array([0.5])
    """

    def found(probabilities: Values, labels: Labels) -> tuple[float, Values]:
        return _by_class((probabilities[np.arange(len(labels)), labels] > threshold).astype(float), labels)

    return _score(answers, found)


def _score(answers: QueryPredictions, of_task: Callable[[Values, Labels], tuple[float, Values]]) -> TaskScores:
    real = answers.class_ids >= 0
    values, influence = np.empty(len(real)), np.zeros(real.shape)
    for task, row in enumerate(real):
        probabilities = answers.probabilities[task, row].astype(np.float64)
        values[task], influence[task, row] = of_task(probabilities, answers.class_ids[task, row])
    return TaskScores(values, influence)


def _right(probabilities: Values, labels: Labels) -> Values:
    """Whether the most probable class is the right one; no probability at all, of exploded weights, is wrong."""
    return np.asarray((probabilities.argmax(1) == labels) & (probabilities.max(1) > 0), np.float64)


def _by_class(values: Values, labels: Labels) -> tuple[float, Values]:
    """The mean over classes of the mean of each class's queries."""
    present, member, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.bincount(member, values) / counts
    return float(means.mean()), (values - means[member]) / counts[member] / len(present)
