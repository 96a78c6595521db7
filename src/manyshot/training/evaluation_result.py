"""Results of an evaluation on tasks: accuracy and other measures, with intervals over examples or people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError
from manyshot.training.example_overlap_interval import SharedExamples, measure_shared_examples
from manyshot.training.seed_intervals import mean_interval
from manyshot.training.task_measures import MEASURES, QueryPredictions, TaskScores, score_tasks, sensitivity


@dataclass(frozen=True, eq=False)
class Drawn:
    """Which examples the tasks of an evaluation were drawn from, as `measure_shared_examples` takes them.

    Args:
        query: Index of each query example `[tasks, queries]`.
        support: Index of each support example `[tasks, shots]`, -1 for padding.
        labels: Class of each example of the source.
        groups: Author of each example, where support and query of a task share none.
    """

    query: NDArray[np.int64]
    support: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None


@dataclass(frozen=True)
class Score:
    """A measure of all tasks with its 95 % interval, over examples or people where they are known.

    Args:
        value: Mean over tasks.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, object]:
        """The score for JSON: `{"value", "interval"}`."""
        return {"value": self.value, "interval": [self.low, self.high]}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results of a learner on tasks.

    Args:
        accuracy: `[tasks]` accuracy of each task.
        per_class: Accuracy of each class, by its index in the source.
        calibration_error: Mean difference of confidence and accuracy (expected calibration error, 15 equal bins).
        reliability: `[bins, 3]` fraction of the queries, mean confidence and accuracy of each confidence bin.
        transductive: Whether the queries of a task influence each other's predictions.
        correct: `[tasks, queries]` whether each answer is right, 0 or 1; NaN for padding.
        shared: How often the tasks use the same examples; None if it is not known which examples they use.
        answers: What the learner said of each query, for further measures; None if it was not kept.
        drawn: Which examples the tasks use, if that is known.
        thresholds: By specificity: the probability that was exceeded by no more of the wrong classes on other tasks, of
            the validation classes or patients. Empty without such tasks.
    """

    accuracy: NDArray[np.float64]
    per_class: dict[int, float]
    calibration_error: float
    reliability: NDArray[np.float64]
    transductive: bool = False
    correct: NDArray[np.float64] | None = None
    shared: SharedExamples | None = None
    answers: QueryPredictions | None = None
    drawn: Drawn | None = None
    thresholds: Mapping[float, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean accuracy over tasks."""
        return float(self.accuracy.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean: over examples (`measure_shared_examples`), or over tasks if these are unknown."""
        return self.interval_over_tasks if self.shared is None else self.shared.interval

    @property
    def interval_over_tasks(self) -> tuple[float, float]:
        """95 % interval of the mean over tasks of the same examples, within 0 to 1."""
        return mean_interval(self.accuracy, 0, 1)

    def by_task(self, metric: str) -> NDArray[np.float64]:
        """`[tasks]` a measure of each task.

        Args:
            metric: "accuracy", "balanced-accuracy", "auroc", "average-precision" or "brier"; see `MEASURES`.

        Raises:
            InputError: If there is no such measure, or the learner's answers were not kept.
        """
        return self.accuracy if metric == "accuracy" else score_tasks(self._answers(), metric).values

    def score(self, metric: str) -> Score:
        """A measure of all tasks with its interval.

        Args:
            metric: As `by_task` takes it.

        Raises:
            InputError: As `by_task`.
        """
        return self._score(score_tasks(self._answers(), metric), MEASURES[metric].most)

    def sensitivities(self) -> dict[float, Score]:
        """By specificity: the fraction of the queries that are found at thresholds from other tasks."""
        return {level: self._score(sensitivity(self._answers(), at)) for level, at in self.thresholds.items()}

    def _answers(self) -> QueryPredictions:
        if self.answers is None:
            raise InputError("the learner's answers were not kept, so there is only the accuracy; evaluate again")
        return self.answers

    def _score(self, scores: TaskScores, most: float = 1.0) -> Score:
        mean, own = float(scores.values.mean()), self.drawn
        if own is None or self.correct is None:
            return Score(mean, *mean_interval(scores.values, 0, most))
        shared = measure_shared_examples(self.correct, own.query, own.support, own.labels, own.groups, scores, most)
        return Score(mean, *shared.interval)

    def task_rows(self, **before: str | int) -> list[dict[str, str | int | float]]:
        """A row for each task, for `write_task_csv`: its number and accuracy.

        Args:
            before: Leading columns with the same value in each row, such as the name of an arm.

        Example:
            >>> Evaluation(np.array([0.5, 1.0]), {}, 0.0, np.zeros((15, 3))).task_rows(arm="none")
            [{'arm': 'none', 'task': 0, 'accuracy': 0.5}, {'arm': 'none', 'task': 1, 'accuracy': 1.0}]
        """
        return [{**before, "task": task, "accuracy": float(one)} for task, one in enumerate(self.accuracy)]

    def as_dict(self, class_names: tuple[str, ...] = ()) -> dict[str, Any]:
        """The results for JSON; classes by name if their names are given."""
        names = dict(enumerate(class_names))
        return {
            "accuracy": self.mean,
            "interval": list(self.interval),
            "interval_over": "tasks" if self.shared is None else self.shared.unit,
            "interval_over_tasks": list(self.interval_over_tasks),
            "error": 1 - self.mean,
            "tasks": len(self.accuracy),
            "examples": None if self.shared is None else self.shared.examples,
            "tasks_per_example": None if self.shared is None else self.shared.uses,
            "transductive": self.transductive,
            "calibration_error": self.calibration_error,
            "per_class": {names.get(c, str(c)): a for c, a in self.per_class.items()},
            **self._further(),
        }

    def _further(self) -> dict[str, Any]:
        """Further measures for JSON, if the answers were kept."""
        if self.answers is None:
            return {}
        measures = {name: self.score(name).as_dict() for name in MEASURES if name != "accuracy"}
        return {
            "measures": measures,
            "sensitivity": {f"{level:g}": one.as_dict() for level, one in self.sensitivities().items()},
        }
