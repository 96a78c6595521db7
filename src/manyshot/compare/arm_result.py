"""Results of a comparison's arms on the same tasks: accuracy or another measure, and differences from the first arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyshot.augment import Augmenter, Plan
from manyshot.tasks import EpisodeSampler
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.load_run import Run
from manyshot.training.seed_intervals import Difference, holm, mean_interval, paired_difference
from manyshot.training.task_measures import MEASURES

ONE_TRAINING = "one training of each arm: nothing can be said of how another one would do; give several seeds"
"""Note that says why a difference has no interval."""


@dataclass(frozen=True, eq=False)
class ArmResult:
    """Accuracy of an arm, or another measure, and its difference from the first arm.

    Args:
        accuracy: `[seeds, tasks]` accuracy, or what `metric` says, of each training on each task.
        difference: Mean paired difference from the first arm; None for the first arm itself.
        against_first: The same difference with its interval and p-value; None for the first arm, and if each arm was
            trained once, which says nothing about other trainings.
        p_value: The p-value of the difference, corrected for the number of arms (Holm); None if `against_first` is.
        transductive: Whether the queries of a task influence each other's predictions.
        trained: Whether the arm was trained, so that the training seed is part of the uncertainty.
        metric: What was measured, one of `MEASURES`.
    """

    accuracy: NDArray[np.float64]
    difference: float | None = None
    against_first: Difference | None = None
    p_value: float | None = None
    transductive: bool = False
    trained: bool = True
    metric: str = "accuracy"

    @property
    def mean(self) -> float:
        """Mean of the measure over seeds and tasks."""
        return float(self.accuracy.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over tasks (of each task's mean over seeds), within its bounds."""
        return mean_interval(self.accuracy.mean(0), 0, MEASURES[self.metric].most)

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON; each interval is stored with what it covers."""
        return {
            self.metric: self.mean,
            "interval": list(self.interval),
            "interval_over": "tasks",
            "by_seed": [float(a) for a in self.accuracy.mean(1)],
            "transductive": self.transductive,
            "against_first": difference_as_dict(self.difference, self.against_first, self.p_value, self.trained),
        }

    def task_rows(self, first_seed: int = 0, **before: str | int) -> list[dict[str, str | int | float]]:
        """A row for each seed and task, for `write_task_csv`.

        Args:
            first_seed: Seed of the first training; the others follow it.
            before: Leading columns with the same value in each row, such as the name of the arm.

        Example:
            >>> ArmResult(np.array([[0.5], [1.0]])).task_rows(4, arm="none")[1]
            {'arm': 'none', 'seed': 5, 'task': 0, 'accuracy': 1.0}
        """
        return [
            {**before, "seed": first_seed + seed, "task": task, self.metric: float(one)}
            for seed, tasks in enumerate(self.accuracy)
            for task, one in enumerate(tasks)
        ]


def difference_as_dict(
    difference: float | None, estimate: Difference | None, corrected: float | None, trained: bool = True
) -> dict[str, Any] | None:
    """A difference from the first arm for JSON; if it has no interval, a note says why.

    Args:
        difference: Mean difference; None for the first arm itself.
        estimate: The same difference with interval and p-value, if there are any.
        corrected: The p-value, corrected for the number of arms.
        trained: Whether the interval covers the training seed as well as the tasks.

    Example:
        >>> difference_as_dict(0.02, None, None)["note"]
        'one training of each arm: nothing can be said of how another one would do; give several seeds'
    """
    if difference is None:
        return None
    if estimate is None:
        nothing = dict.fromkeys(("interval", "interval_over", "p_value", "p_value_holm"))
        return {"difference": difference, **nothing, "note": ONE_TRAINING}
    over = {"interval_over": "tasks and seeds" if trained else "tasks"}
    return estimate.as_dict() | over | {"p_value_holm": corrected}


def compare(
    runs: Mapping[str, Sequence[Run]],
    sampler: EpisodeSampler,
    tasks: int,
    seed: int = 0,
    trained: bool = True,
    augmenters: Mapping[str, Augmenter] | None = None,
    metric: str = "accuracy",
) -> dict[str, ArmResult]:
    """Evaluate the runs of every arm on the same tasks.

    Args:
        runs: Runs of each arm by name, the same number for each. The first arm is the baseline of the others.
        sampler: Sampler of the test tasks.
        tasks: Number of tasks.
        seed: Seed of the test plans' draws.
        trained: Whether the runs were trained. Their seed is then part of the uncertainty, and differences between
            single trainings have no interval.
        augmenters: Augmenter of the test plan of each arm whose plan has the word `learned`.
        metric: What is compared, one of `MEASURES`.

    Returns:
        The result of each arm, in the same order.
    """
    learned = augmenters or {}
    evaluations = {
        name: [
            evaluate_tasks(r.learner, sampler, tasks, Plan(r.config.test_plan, learned.get(name)), seed) for r in arm
        ]
        for name, arm in runs.items()
    }
    measured = {name: np.stack([one.by_task(metric) for one in arm]) for name, arm in evaluations.items()}
    results = arm_results(measured, trained, metric)
    return {
        name: replace(result, transductive=any(one.transductive for one in evaluations[name]))
        for name, result in results.items()
    }


def arm_results(
    accuracy: Mapping[str, NDArray[np.float64]], trained: bool = True, metric: str = "accuracy"
) -> dict[str, ArmResult]:
    """The result of each arm from its accuracies.

    Args:
        accuracy: `[seeds, tasks]` accuracies by arm, or what the metric is, on the same tasks. The first arm is the
            baseline of the others.
        trained: Whether each seed is a training, whose seed is then part of the uncertainty.
        metric: What was measured.

    Example:
        >>> one, other = np.array([[0.5, 0.7], [0.4, 0.8]]), np.array([[0.6, 0.9], [0.5, 0.8]])
        >>> round(arm_results({"one": one, "other": other})["other"].against_first.difference, 2)
        0.1
        >>> arm_results({"one": one[:1], "other": other[:1]})["other"].against_first is None
        True
    """
    first, *others = accuracy
    means = {name: float((accuracy[name] - accuracy[first]).mean()) for name in others}
    known = others if len(accuracy[first]) > 1 or not trained else []
    differences = {
        name: paired_difference(accuracy[name], accuracy[first], most=MEASURES[metric].most) for name in known
    }
    corrected = dict(zip(known, holm([d.p_value for d in differences.values()]) if known else [], strict=True))
    return {
        name: ArmResult(
            one, means.get(name), differences.get(name), corrected.get(name), trained=trained, metric=metric
        )
        for name, one in accuracy.items()
    }
