"""Uncertainty of the mean accuracy of tasks that share examples: an interval over examples, not over tasks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from manyshot.training.task_measures import TaskScores


@dataclass(frozen=True)
class SharedExamples:
    """How often the tasks of an evaluation use the same examples, and what follows for their mean accuracy.

    Args:
        examples: Number of different examples that the tasks use.
        uses: Mean number of tasks that use an example.
        interval: 95 % interval of the mean accuracy over units: of the same classes, but new examples, or new people.
        unit: What the interval is over: "examples" or "authors".
        units: Number of different units that the tasks use; None for that of examples.
    """

    examples: int
    uses: float
    interval: tuple[float, float]
    unit: str = "examples"
    units: int | None = None

    def __str__(self) -> str:
        """A sentence for people.

        Example:
            >>> print(SharedExamples(20, 600.0, (0.29, 0.73)))
            the tasks use 20 different examples, each in 600 tasks on average; the interval is over examples
        """
        number = f"{self.uses:,.0f}" if self.uses >= 10 else f"{self.uses:.1f}"
        return (
            f"the tasks use {self.examples:,} different examples, each in {number} tasks on average; the interval is "
            f"over {'examples' if self.units is None else f'{self.units:,} {self.unit}'}"
        )


def measure_shared_examples(
    correct: NDArray[np.float64],
    query: NDArray[np.int64],
    support: NDArray[np.int64],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
    scores: TaskScores | None = None,
    most: float = 1.0,
) -> SharedExamples:
    """Measure how the mean accuracy of tasks depends on the examples that they were drawn from.

    Tasks that are drawn from few examples share them, so that the spread of the tasks says how many tasks there were,
    not how many examples. An example contributes to the deviations of the answers for it, and to those of all answers
    in the tasks whose support it is in. The contributions of each example are added up over tasks and squared; what a
    task contributes on its own is taken from its total deviation:

        var = sum_t R_t^2 + max(sum_e [(sum_t r_te)^2 - sum_t r_te^2], 0) n / (n - 1)

    with the deviations R_t of task t and r_te that example e contributes to it, as fractions of the mean, and n
    examples. This is the variance of a U-statistic by its projection on single examples (Hoeffding 1948). Where no
    example is used twice it is the variance over tasks. The interval is Wilson's with the effective number of
    observations accuracy (1 - accuracy) / var (Korn and Graubard 1998), at most the number of different queries (tasks
    that use nearly all examples cannot show how much others would change), and Student's quantile for n less the number
    of classes. If the groups of examples are known, such as patients, they take the place of examples: what a group
    contributes is that of all of its examples, and the interval is over groups.

    Args:
        correct: Whether each answer is right `[tasks, queries]`, 0 or 1; NaN for padding.
        query: Index of each query example `[tasks, queries]`; of padding any.
        support: Index of each support example `[tasks, shots]`, -1 for padding.
        labels: Class of each example of the source.
        groups: Group of each example of the source, such as its author or patient, if they are known.
        scores: Another measure of the same tasks in place of accuracy, and what each query contributes to it.
        most: Largest value of that measure; the smallest is 0.

    Example:
        >>> correct, query = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[2, 3], [2, 3]])
        >>> shared = measure_shared_examples(correct, query, np.array([[0, 1], [0, 1]]), np.array([0, 1, 0, 1]))
        >>> shared.examples, shared.uses
        (4, 2.0)
    """
    real = np.isfinite(correct)
    per_task = real.sum(1)
    values = np.where(real, correct, 0).sum(1) / per_task if scores is None else scores.values / most
    own = (
        np.where(real, correct - values[:, None], 0) / per_task[:, None] if scores is None else scores.influence / most
    )
    mean = float(values.mean())
    # Each task counts the same, whatever its number of queries.
    deviations = (own + np.where(real, (values - mean)[:, None] / per_task[:, None], 0)) / len(correct)
    totals = deviations.sum(1)
    shared = support >= 0
    task = np.arange(len(correct))[:, None]
    examples = np.concatenate([query[real], support[shared]])
    tasks = np.concatenate([np.broadcast_to(task, query.shape)[real], np.broadcast_to(task, support.shape)[shared]])
    parts = np.concatenate([deviations[real], np.broadcast_to(totals[:, None], support.shape)[shared]])
    used = np.unique(examples)
    uses = len(np.unique(tasks * (int(used[-1]) + 1) + examples)) / len(used)
    unit = examples if groups is None else groups[examples]
    # What a unit contributes to one task is one contribution.
    pairs, pair = np.unique(np.stack((unit, tasks)), axis=1, return_inverse=True)
    parts = np.bincount(pair.reshape(-1), parts, pairs.shape[1])
    units, member = np.unique(pairs[0], return_inverse=True)
    n = len(units)
    sums, squares = np.bincount(member, parts, n), np.bincount(member, parts**2, n)
    between = max(float((sums**2 - squares).sum()), 0.0)
    tasks_alone = float((totals**2).sum()) * len(correct) / max(len(correct) - 1, 1)
    variance = tasks_alone + between * n / max(n - 1, 1)
    asked = query[real] if groups is None else groups[query[real]]
    low, high = _interval(mean, variance, len(np.unique(asked)), n - len(np.unique(labels[used])))
    interval = (most * low, most * high)
    if groups is None:
        return SharedExamples(n, float(uses), interval)
    return SharedExamples(len(used), float(uses), interval, "authors", n)


def _interval(mean: float, variance: float, queries: int, freedom: int) -> tuple[float, float]:
    """Wilson's interval with an effective number of observations."""
    if freedom < 1:
        return 0.0, 1.0
    spread = mean * (1 - mean)
    size = queries if variance <= 0 else min(spread / variance, queries)
    scale = float(stdtrit(freedom, 0.975)) ** 2 / size
    center = (mean + scale / 2) / (1 + scale)
    half = float(np.sqrt(spread * scale + scale**2 / 4)) / (1 + scale)
    return max(min(center - half, mean), 0.0), min(max(center + half, mean), 1.0)
