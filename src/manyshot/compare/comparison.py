"""Comparisons as data (settings, arms and evaluation suites), and running them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manyshot.base import InputError, is_whole, locked_folder, plain_numbers, write_json
from manyshot.compare.arm import Arm
from manyshot.compare.arm_augmenter import load_augmenters
from manyshot.compare.arm_result import ArmResult, compare
from manyshot.compare.arm_training import COMPARISON, check_arms, check_arms_trainable, check_numbers, train_arms
from manyshot.datasets import load_dataset
from manyshot.runtime.ray_cluster import HERE, check_place
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.load_run import Run
from manyshot.training.run_config import Config, Range
from manyshot.training.splits import Sources, image_shape, load_sources
from manyshot.training.task_csv import TASKS, write_task_csv
from manyshot.training.task_measures import check_metric


@dataclass(frozen=True)
class EvaluationSuite:
    """Test tasks of a comparison, the same for all arms.

    Args:
        name: Name of the suite in tables, such as "1 shot".
        ways: Number of classes per task, or a range.
        shots: Number of support examples per class, or a range.
        queries: Number of query examples per class.
        tasks: Number of tasks.
        data: Data set or folder to test on; the test part of the comparison's own data if None.
        split: Part of `data`; its first one if None.
        within_group: Probability that all classes of a task come from one group.

    Raises:
        InputError: If there are fewer than two tasks.
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
            raise InputError(f"tasks={self.tasks}: give at least 2 to test on")

    def sampler(self, config: Config, sources: Sources) -> EpisodeSampler:
        """The sampler of the tasks, the same for every arm and seed.

        Args:
            config: Settings of the comparison.
            sources: Data of the comparison.

        Raises:
            InputError: If the data cannot be read or are too few, or there is no test part.
        """
        return EpisodeSampler(
            self._source(config, sources),
            self.ways,
            self.shots,
            self.queries,
            seed=config.fit.seed,
            within_group=self.within_group,
            disjoint_authors=config.disjoint_authors and self.data is None,
        )

    def _source(self, config: Config, sources: Sources) -> Source:
        if self.data is None:
            if sources.test is None:
                raise InputError("test=0: nothing is left to test on; give a fraction (--test), or data (--test-data)")
            return sources.test
        if sources.training.is_text:
            return load_dataset(self.data, self.split, root=config.root, columns=config.columns)
        channels, size = image_shape(sources.training)
        if not channels:
            return load_dataset(self.data, self.split, root=config.root)
        return load_dataset(
            self.data,
            self.split,
            root=config.root,
            size=size,
            color=channels == 3,
            centered=config.centered,
            window=config.window,
        )


@dataclass(frozen=True)
class Comparison:
    """Arms to compare, and the suites to compare them on.

    Args:
        name: Name of the comparison in tables; empty if there is only one.
        config: Settings that all arms have in common. Its plans are not used, and its seed is the first one.
        arms: Arms with different names. The first one is the baseline of the others.
        suites: Test tasks.
        seeds: Number of trainings of each arm.
        metric: What arms are compared by, one of `manyshot.training.task_measures.MEASURES`.

    Raises:
        InputError: If there is no such metric.
    """

    name: str
    config: Config
    arms: tuple[Arm, ...]
    suites: tuple[EvaluationSuite, ...]
    seeds: int = 3
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        check_metric(self.metric)

    def samplers(self, sources: Sources | None = None) -> dict[str, EpisodeSampler]:
        """The sampler of each suite by name.

        Args:
            sources: Data of the comparison, if they are loaded already.

        Raises:
            InputError: If data cannot be read or are too few.
        """
        sources = sources or load_sources(self.config)
        return {suite.name: suite.sampler(self.config, sources) for suite in self.suites}


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """Results of a comparison.

    Args:
        comparison: The comparison.
        runs: Runs of each arm by name.
        seconds: CPU seconds of each arm's trainings. Arms that share a training have the same.
        results: Result of each arm, by suite and arm.
        test_sources: Name of the source that the tasks were drawn from, by suite.
    """

    comparison: Comparison
    runs: dict[str, list[Run]]
    seconds: dict[str, float]
    results: dict[str, dict[str, ArmResult]]
    test_sources: dict[str, str]

    def cpu_seconds(self, arm: str) -> dict[str, float]:
        """CPU seconds of an arm's trainings for JSON: the mean of one training, and the total."""
        total = self.seconds[arm]
        return {"cpu_seconds_per_training": total / self.comparison.seeds, "cpu_seconds_total": total}

    def task_rows(self) -> list[dict[str, str | int | float]]:
        """A row for each suite, arm, seed and task, for `write_task_csv`."""
        return [
            row
            for suite, results in self.results.items()
            for arm, result in results.items()
            for row in result.task_rows(self.comparison.config.fit.seed, suite=suite, arm=arm)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The results for JSON: `arms` with settings and CPU seconds; `suites` with the result of each arm."""
        comparison = self.comparison
        suites = {
            suite.name: {
                "test": self.test_sources[suite.name],
                "ways": suite.ways,
                "shots": suite.shots,
                "queries": suite.queries,
                "tasks": suite.tasks,
                "arms": {name: result.as_dict() for name, result in self.results[suite.name].items()},
            }
            for suite in comparison.suites
        }
        return {
            "seeds": comparison.seeds,
            "metric": comparison.metric,
            "steps": comparison.config.fit.steps,
            "arms": {arm.name: arm.as_dict() | self.cpu_seconds(arm.name) for arm in comparison.arms},
            "suites": suites,
        }


def run_comparison(comparison: Comparison, folder: Path, jobs: int | None = None, on: str = HERE) -> ComparisonResult:
    """Train every arm with every seed, and evaluate all of them on the same tasks.

    The runs are written to the folder, and `tasks.csv` with a line for each suite, arm, seed and task.

    Args:
        comparison: Comparison to run.
        folder: Folder of the comparison; runs that are there already are resumed.
        jobs: Number of trainings at a time; the number of cores if None.
        on: Where they run: "here", in processes of this machine; "ray", or the address of a Ray cluster.

    Raises:
        InputError: If an arm, the data or the folder cannot be used; nothing has been trained then.
        TrainingDiverged: If a training diverges.
    """
    with locked_folder(folder):
        return _run_comparison(comparison, folder, jobs, on)


def _run_comparison(comparison: Comparison, folder: Path, jobs: int | None, on: str) -> ComparisonResult:
    config = comparison.config
    samplers = comparison.samplers()
    runs, seconds = train_arms(comparison.arms, config, comparison.seeds, folder, jobs, on)
    augmenters = load_augmenters(comparison.arms, runs)
    results = {
        suite.name: compare(
            runs, samplers[suite.name], suite.tasks, config.fit.seed, augmenters=augmenters, metric=comparison.metric
        )
        for suite in comparison.suites
    }
    sources = {name: sampler.source.name for name, sampler in samplers.items()}
    compared = ComparisonResult(comparison, runs, seconds, results, sources)
    write_task_csv(folder / TASKS, compared.task_rows())
    return compared


def override(
    comparison: Comparison,
    root: str | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    tasks: int | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Comparison:
    """The same comparison with some settings replaced; None keeps the comparison's own.

    Args:
        comparison: Comparison to start from.
        root: Folder of the data set's official files.
        seeds: Number of trainings of each arm.
        steps: Number of steps of each training.
        tasks: Number of test tasks of each suite.
        seed: First seed.
        device: Device to train on.

    Example:
        >>> whole = Comparison("", Config("digits"), (Arm("none", "none"),), (EvaluationSuite("all"),))
        >>> small = override(whole, steps=3, tasks=9)
        >>> small.config.fit.steps, small.suites[0].tasks, small.seeds
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
        suites=tuple(suite if tasks is None else replace(suite, tasks=tasks) for suite in comparison.suites),
    )


def run_comparisons(
    comparisons: Sequence[Comparison], folder: Path, jobs: int | None = None, on: str = HERE
) -> list[ComparisonResult]:
    """Run comparisons one after the other.

    Args:
        comparisons: Comparisons with different names; a single one may have none.
        folder: Folder with a folder for each comparison, called by its name; a comparison without a name is written
            to this folder itself.
        jobs: Number of trainings at a time, see `run_comparison`.
        on: Where they run, see `run_comparison`.

    Raises:
        InputError: If an arm, the data or a folder cannot be used; nothing has been trained then.
        TrainingDiverged: If a training diverges.
    """
    with locked_folder(folder):
        return _run_comparisons(comparisons, folder, jobs, on)


def _run_comparisons(
    comparisons: Sequence[Comparison], folder: Path, jobs: int | None, on: str
) -> list[ComparisonResult]:
    check_arms((), folder)
    check_place(on)
    folders = [folder / comparison.name.lower().replace(" ", "-") for comparison in comparisons]
    for comparison, own_folder in zip(comparisons, folders, strict=True):
        check_arms(comparison.arms, own_folder)
        check_numbers(comparison.seeds, jobs)
        sources = load_sources(comparison.config)
        comparison.samplers(sources)
        check_arms_trainable(comparison.arms, comparison.config, sources)
    if folder not in folders:  # else the one comparison there writes it
        write_json(folder / COMPARISON, {"comparisons": [comparison.name for comparison in comparisons]})
    return [run_comparison(one, own_folder, jobs, on) for one, own_folder in zip(comparisons, folders, strict=True)]
