"""Arms beside each other: the same tasks, paired differences, and how sure they are."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.augment import Plan
from manyshot.base import InputError, quieten, write_json
from manyshot.base.progress import bar
from manyshot.compare.arm import Arm
from manyshot.runtime.clock import cpu_seconds
from manyshot.runtime.memory import keep_freed_memory
from manyshot.runtime.metrics_log import steps_noted
from manyshot.runtime.run_folder import CONFIG
from manyshot.tasks import EpisodeSampler
from manyshot.training.config import Config
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.run import Run, load_run
from manyshot.training.splits import Sources, load_sources
from manyshot.training.statistics import Difference, holm, mean_interval, paired_difference
from manyshot.training.train import check_trainable, is_trained, train

COMPARISON = "compare.json"
"""The file that tells a comparison's folder from others."""
ONE_TRAINING = "one training of each arm: nothing can be said of how another one would do; give several seeds"
"""Why a difference has no interval."""


@dataclass(frozen=True, eq=False)
class ArmResult:
    """What an arm reached.

    Args:
        accuracy: `[seeds, tasks]`.
        difference: The mean paired difference from the first arm; None for the first arm itself.
        against_first: That difference with its interval and p-value; None for the first arm, and where each arm was
            trained once, which says nothing of how another training would do.
        p_value: of that difference, corrected for the number of arms (Holm); None where `against_first` is.
        transductive: whether its learners let queries of a task see each other.
        trained: Whether a training was part of it, so that its seed is part of the uncertainty.
    """

    accuracy: NDArray[np.float64]
    difference: float | None = None
    against_first: Difference | None = None
    p_value: float | None = None
    transductive: bool = False
    trained: bool = True

    @property
    def mean(self) -> float:
        """Over seeds and tasks."""
        return float(self.accuracy.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over tasks (of each task's mean over seeds), within 0 to 1."""
        return mean_interval(self.accuracy.mean(0), 0, 1)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; each interval says what it covers."""
        return {
            "accuracy": self.mean,
            "interval": list(self.interval),
            "interval_over": "tasks",
            "by_seed": [float(a) for a in self.accuracy.mean(1)],
            "transductive": self.transductive,
            "against_first": difference_as_dict(self.difference, self.against_first, self.p_value, self.trained),
        }

    def task_rows(self, first_seed: int = 0, **before: str | int) -> list[dict[str, str | int | float]]:
        """A row for each seed and task, for `write_task_csv`.

        Args:
            first_seed: The seed of the first training; they count up from it.
            before: Columns that stand before them with the same value in each row, such as the name of the arm.

        Example:
            >>> ArmResult(np.array([[0.5], [1.0]])).task_rows(4, arm="none")[1]
            {'arm': 'none', 'seed': 5, 'task': 0, 'accuracy': 1.0}
        """
        return [
            {**before, "seed": first_seed + seed, "task": task, "accuracy": float(one)}
            for seed, tasks in enumerate(self.accuracy)
            for task, one in enumerate(tasks)
        ]


def difference_as_dict(
    difference: float | None, estimate: Difference | None, corrected: float | None, trained: bool = True
) -> dict[str, Any] | None:
    """A difference from the first arm for JSON; where there is no interval, a note says why.

    Args:
        difference: Its mean; None for the first arm itself.
        estimate: The same with interval and p-value, where there is such.
        corrected: The p-value corrected for the number of arms.
        trained: Whether the interval includes the training seed; else it is over the tasks alone.

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


def train_arms(
    arms: Sequence[Arm], config: Config, seeds: int, folder: Path, jobs: int | None = None
) -> tuple[dict[str, list[Run]], dict[str, float]]:
    """Train every arm with every seed, on the same tasks and from the same first weights for each seed.

    Arms that differ in their use alone share a training. Each training has a process and a processor core to itself,
    which is faster than sharing cores within a training.
    A script that calls this must guard its beginning by `if __name__ == "__main__":`, because each process imports it.

    Args:
        arms: at least one, with different names.
        config: everything but the plans and the seed; seeds count up from its own.
        seeds: how many.
        folder: the runs lie in `<folder>/arm-<number>/seed-<seed>`, with the number of the first arm that shares them;
            those that are there already are resumed.
        jobs: how many trainings at a time; as many as there are cores if None.

    Returns:
        The runs of each arm by name, as the arm uses them, and the CPU seconds that training each arm took, now and
        before it was resumed.

    Raises:
        InputError: if two arms share a name, one cannot be trained or used as it says, a number is out of range, or
            the folder holds something else.
        TrainingDiverged: if a training does.
    """
    check_arms(arms, folder)
    check_numbers(seeds, jobs)
    check_arms_trainable(arms, config, load_sources(config))  # what is wrong is told before processes start
    # What stands behind '=>' is no part of a training, so it can be mended without another one.
    configs = [replace(arm.configure(config), test_plan="none") for arm in arms]
    sharing = [configs.index(own) for own in configs]
    # Seed by seed rather than arm by arm, so that a machine that slows down does not favour an arm.
    work = {
        (number, seed): (configs[number].with_seed(seed), folder / f"arm-{number}" / f"seed-{seed}")
        for seed in range(config.fit.seed, config.fit.seed + seeds)
        for number in dict.fromkeys(sharing)
    }
    write_json(folder / COMPARISON, {"arms": [asdict(arm) for arm in arms]})
    waiting = [job for job in work.values() if not is_trained(*job)]
    if waiting:
        _train_all(waiting, min(jobs or _cores(), len(waiting)), f"{len(set(sharing))} arms x {seeds} seeds")
    runs, seconds = {}, {}
    for arm, trained in zip(arms, sharing, strict=True):
        places = [place for (number, _), (_, place) in work.items() if number == trained]
        seconds[arm.name] = sum(map(cpu_seconds, places))
        runs[arm.name] = [load_run(place).with_test_plan(arm.test_plan, arm.test_learner) for place in places]
    return runs, seconds


def _train_all(work: Sequence[tuple[Config, Path]], workers: int, note: str) -> None:
    """Train each in one of so many processes; the first failure stops those that have not begun."""
    steps = sum(config.fit.steps for config, _ in work)
    spawn = get_context("spawn")
    stop = spawn.Event()
    with ProcessPoolExecutor(workers, spawn, _join, (stop,)) as pool, bar() as display:
        began = [pool.submit(_train_one, *job) for job in work]
        line = display.add_task("train", total=steps, note=note)
        try:
            while wait(began, timeout=0.5, return_when=FIRST_EXCEPTION).not_done:
                display.update(line, completed=sum(steps_noted(place) for _, place in work))
                _raise_first(began)
            _raise_first(began)  # the last one to end may have failed as well
        except BaseException:
            # A training that waits in the pool's queue can no longer be cancelled; it finds the flag and ends at once.
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def check_arms(arms: Sequence[Arm], folder: Path) -> None:
    """Make sure that arms can be told apart, and that the folder is free or holds an earlier comparison.

    Raises:
        InputError: if not.

    Example:
        >>> check_arms([Arm("plain", "none"), Arm("turned", "task: turn")], Path("/nowhere"))
    """
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two arms are called '{twice}'; name them: 'first = plan'")
    if not folder.exists() or (folder / COMPARISON).exists():
        return
    if not folder.is_dir() or any(not file.name.startswith(".") for file in folder.iterdir()):
        raise InputError(f"{folder} is not empty and holds no comparison; choose another --out")


def check_numbers(seeds: int, jobs: int | None) -> None:
    """Make sure that there is something to train, and a process to train it.

    Raises:
        InputError: if not.

    Example:
        >>> check_numbers(3, None)
        >>> check_numbers(3, 0)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: jobs=0: give at least 1 training at a time (--jobs)
    """
    if seeds < 1:
        raise InputError(f"seeds={seeds}: give at least 1 training of each arm (--seeds)")
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs={jobs}: give at least 1 training at a time (--jobs)")


def check_arms_trainable(arms: Sequence[Arm], config: Config, sources: Sources) -> None:
    """Make sure that each arm can be trained and used as it says, see `check_trainable`.

    Args:
        arms: what to train.
        config: everything but the plans.
        sources: its data; arms have them in common.

    Raises:
        InputError: if one cannot.

    Example:
        >>> config = Config("digits")
        >>> check_arms_trainable([Arm.parse("none"), Arm.parse("none => none | learner=ridge")], config,
        ...     load_sources(config))
    """
    for arm in arms:
        check_trainable(arm.configure(config), arm.test_learner, sources)


def _raise_first(trainings: Iterable["Future[None]"]) -> None:
    for training in trainings:
        if training.done():
            training.result()


def _cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_stop: Event | None = None
"""In a worker process: set when no further training should begin."""


def _join(stop: Event) -> None:
    global _stop
    _stop = stop


def _train_one(config: Config, folder: Path) -> None:
    """Train in a process of its own."""
    if _stop is not None and _stop.is_set():
        raise KeyboardInterrupt
    torch.set_num_threads(1)
    keep_freed_memory()
    quieten()
    train(config, folder, resume=(folder / CONFIG).exists())


def compare(
    runs: Mapping[str, Sequence[Run]], sampler: EpisodeSampler, tasks: int, seed: int = 0, trained: bool = True
) -> dict[str, ArmResult]:
    """Judge the runs of every arm on the same tasks.

    Args:
        runs: by arm; as many seeds each. The first arm is what the others are measured against.
        sampler: of the test tasks.
        tasks: how many.
        seed: of the draws of test plans.
        trained: Whether the runs were trained; their seed is then part of the uncertainty, and differences between
            single trainings get no interval.

    Returns:
        One result an arm, in the same order.
    """
    found = {
        name: [evaluate_tasks(r.learner, sampler, tasks, Plan(r.config.test_plan), seed) for r in arm]
        for name, arm in runs.items()
    }
    results = against_first({name: np.stack([one.accuracy for one in arm]) for name, arm in found.items()}, trained)
    return {
        name: replace(result, transductive=any(one.transductive for one in found[name]))
        for name, result in results.items()
    }


def against_first(accuracy: Mapping[str, NDArray[np.float64]], trained: bool = True) -> dict[str, ArmResult]:
    """What arms reached, and by how much they differ from the first.

    Args:
        accuracy: by arm, `[seeds, tasks]` of the same tasks.
        trained: Whether a seed is a training, see `compare`.

    Example:
        >>> one, other = np.array([[0.5, 0.7], [0.4, 0.8]]), np.array([[0.6, 0.9], [0.5, 0.8]])
        >>> round(against_first({"one": one, "other": other})["other"].against_first.difference, 2)
        0.1
        >>> against_first({"one": one[:1], "other": other[:1]})["other"].against_first is None
        True
    """
    first, *others = accuracy
    means = {name: float((accuracy[name] - accuracy[first]).mean()) for name in others}
    known = others if len(accuracy[first]) > 1 or not trained else []
    differences = {name: paired_difference(accuracy[name], accuracy[first], most=1) for name in known}
    corrected = dict(zip(known, holm([d.p_value for d in differences.values()]) if known else [], strict=True))
    return {
        name: ArmResult(one, means.get(name), differences.get(name), corrected.get(name), trained=trained)
        for name, one in accuracy.items()
    }
