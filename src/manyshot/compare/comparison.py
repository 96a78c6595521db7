"""A whole comparison as data: what is trained, the arms, what they are judged on; and carrying it out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manyshot.base import InputError, is_whole, plain_numbers, write_json
from manyshot.compare.arm import Arm
from manyshot.compare.run_arms import (
    COMPARISON,
    ArmResult,
    check_arms,
    check_arms_trainable,
    check_numbers,
    compare,
    train_arms,
)
from manyshot.datasets import load_dataset
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.config import Config, Range
from manyshot.training.run import Run
from manyshot.training.splits import Sources, image_shape, load_sources
from manyshot.training.task_csv import TASKS, write_task_csv


@dataclass(frozen=True)
class EvaluationSuite:
    """Tasks that trained arms are judged on.

    Args:
        name: what tables call it, such as "1 shot".
        ways: classes a task, or a range.
        shots: support items a class, or a range.
        queries: query items a class.
        tasks: how many tasks.
        data: another data set or folder to judge on; the part that the comparison sets aside (`test`) if None.
        split: which part of `data`.
        within_group: share of the tasks whose classes come from one group.

    Raises:
        InputError: if there are fewer than two tasks.
    """

    name: str
    ways: Range = 5
    shots: Range = 1
    queries: int = 10
    tasks: int = 600
    data: str | None = None
    split: str | None = None
    within_group: float = 0.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not (is_whole(self.tasks) and self.tasks >= 2):
            raise InputError(f"tasks={self.tasks}: give at least 2 to judge on")

    def sampler(self, config: Config, sources: Sources) -> EpisodeSampler:
        """The tasks, the same for every arm and seed.

        Args:
            config: names the root folder and the seed.
            sources: of the training, with the part set aside.

        Raises:
            InputError: if the data cannot be read or are too few, or nothing is set aside.
        """
        return EpisodeSampler(
            self._source(config, sources),
            self.ways,
            self.shots,
            self.queries,
            seed=config.fit.seed,
            within_group=self.within_group,
        )

    def _source(self, config: Config, sources: Sources) -> Source:
        if self.data is None:
            if sources.test is None:
                raise InputError("test=0: nothing is left to judge by; give a share (--test), or data (--test-data)")
            return sources.test
        if sources.training.is_text:
            return load_dataset(self.data, self.split, root=config.root, columns=config.columns)
        channels, size = image_shape(sources.training)
        return load_dataset(
            self.data, self.split, root=config.root, size=size, color=channels == 3, centered=config.centered
        )


@dataclass(frozen=True)
class Comparison:
    """Arms beside each other.

    Args:
        name: what tables call it; empty where it stands alone.
        config: what all arms train with; its own plans play no part.
        arms: the first is what the others are measured against.
        judgings: what they are judged on.
        seeds: trainings of each arm; their seeds count up from that of `config`.
    """

    name: str
    config: Config
    arms: tuple[Arm, ...]
    judgings: tuple[EvaluationSuite, ...]
    seeds: int = 3

    def samplers(self, sources: Sources | None = None) -> dict[str, EpisodeSampler]:
        """The tasks of each judging by its name.

        Args:
            sources: of the training, where they are loaded already.

        Raises:
            InputError: if data cannot be read or are too few.
        """
        sources = sources or load_sources(self.config)
        return {judging.name: judging.sampler(self.config, sources) for judging in self.judgings}


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """What a comparison found.

    Args:
        comparison: what was compared.
        runs: each arm's, by name.
        seconds: CPU seconds of each arm's trainings; arms that share a training share them.
        results: by judging, each arm's.
        judged_on: by judging, the name of the source.
    """

    comparison: Comparison
    runs: dict[str, list[Run]]
    seconds: dict[str, float]
    results: dict[str, dict[str, ArmResult]]
    judged_on: dict[str, str]

    def cpu_seconds(self, arm: str) -> dict[str, float]:
        """What training an arm cost, for JSON: of one training on average, and of all of its seeds."""
        total = self.seconds[arm]
        return {"cpu_seconds_per_training": total / self.comparison.seeds, "cpu_seconds_total": total}

    def task_rows(self) -> list[dict[str, str | int | float]]:
        """A row for each judging, arm, seed and task, for `write_task_csv`."""
        return [
            row
            for judging, results in self.results.items()
            for arm, result in results.items()
            for row in result.task_rows(self.comparison.config.fit.seed, judged=judging, arm=arm)
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: `arms` with what they are and cost, `judged` by judging with its tasks and each arm's result."""
        comparison = self.comparison
        judged = {
            judging.name: {
                "test": self.judged_on[judging.name],
                "ways": judging.ways,
                "shots": judging.shots,
                "queries": judging.queries,
                "tasks": judging.tasks,
                "arms": {name: result.as_dict() for name, result in self.results[judging.name].items()},
            }
            for judging in comparison.judgings
        }
        return {
            "seeds": comparison.seeds,
            "steps": comparison.config.fit.steps,
            "arms": {arm.name: arm.as_dict() | self.cpu_seconds(arm.name) for arm in comparison.arms},
            "judged": judged,
        }


def run_comparison(comparison: Comparison, folder: Path, jobs: int | None = None) -> ComparisonResult:
    """Train every arm with every seed, judge all on the same tasks, and write what came of each task.

    The folder gets the runs and `tasks.csv`, with a line for each judging, arm, seed and task.

    Args:
        comparison: what to compare.
        folder: see `train_arms`; so is jobs.
        jobs: see there.

    Raises:
        InputError: see `train_arms` and `Comparison.samplers`; nothing has been trained then.
        TrainingDiverged: if a training does.
    """
    config = comparison.config
    samplers = comparison.samplers()
    runs, seconds = train_arms(comparison.arms, config, comparison.seeds, folder, jobs)
    results = {
        judging.name: compare(runs, samplers[judging.name], judging.tasks, config.fit.seed)
        for judging in comparison.judgings
    }
    sources = {name: sampler.source.name for name, sampler in samplers.items()}
    compared = ComparisonResult(comparison, runs, seconds, results, sources)
    write_task_csv(folder / TASKS, compared.task_rows())
    return compared


def adjusted(
    comparison: Comparison,
    root: str | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    tasks: int | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Comparison:
    """The same comparison with other data folders, sizes, seed or device, where they are given.

    Example:
        >>> whole = Comparison("", Config("digits"), (Arm("none", "none"),), (EvaluationSuite("all"),))
        >>> small = adjusted(whole, steps=3, tasks=9)
        >>> small.config.fit.steps, small.judgings[0].tasks, small.seeds
        (3, 9, 3)
    """
    fit = comparison.config.fit
    fit = fit if steps is None else replace(fit, steps=steps)
    fit = fit if seed is None else replace(fit, seed=seed)
    fit = fit if device is None else replace(fit, device=device)
    config = replace(comparison.config, fit=fit)
    return replace(
        comparison,
        config=config if root is None else replace(config, root=root),
        seeds=comparison.seeds if seeds is None else seeds,
        judgings=tuple(j if tasks is None else replace(j, tasks=tasks) for j in comparison.judgings),
    )


def run_comparisons(comparisons: Sequence[Comparison], folder: Path, jobs: int | None = None) -> list[ComparisonResult]:
    """Run comparisons one after the other.

    Args:
        comparisons: with different names; one that stands alone may go without.
        folder: each lies in a folder of its name below this one, or in this one if it has none.
        jobs: trainings at a time, see `train_arms`.

    Raises:
        InputError: see `run_comparison`; nothing of any of them has been trained then.
        TrainingDiverged: if a training does.
    """
    check_arms((), folder)
    places = [folder / comparison.name.lower().replace(" ", "-") for comparison in comparisons]
    for comparison, place in zip(comparisons, places, strict=True):
        check_arms(comparison.arms, place)
        check_numbers(comparison.seeds, jobs)
        sources = load_sources(comparison.config)
        comparison.samplers(sources)
        check_arms_trainable(comparison.arms, comparison.config, sources)
    if folder not in places:  # else the one comparison there writes it
        write_json(folder / COMPARISON, {"comparisons": [comparison.name for comparison in comparisons]})
    return [run_comparison(comparison, place, jobs) for comparison, place in zip(comparisons, places, strict=True)]
