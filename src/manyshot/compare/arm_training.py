"""Training the arms of a comparison: each with every seed, several at a time."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import torch

from manyshot.base import InputError, locked_folder, quieten, write_json
from manyshot.base.arm_text import check_arm_names
from manyshot.base.progress import bar
from manyshot.compare.arm import Arm
from manyshot.compare.train_on_ray import train_all_on_ray
from manyshot.runtime.clock import cpu_seconds
from manyshot.runtime.memory import keep_freed_memory
from manyshot.runtime.metrics_log import steps_noted
from manyshot.runtime.ray_cluster import HERE, check_place
from manyshot.runtime.run_folder import CONFIG, is_free
from manyshot.runtime.worker_process import end_with_parent
from manyshot.training.load_run import Run, load_run
from manyshot.training.run_config import Config
from manyshot.training.splits import Sources, load_sources
from manyshot.training.train_from_config import check_trainable, is_trained, train

COMPARISON = "compare.json"
"""The file that marks a folder as a comparison's."""


def train_arms(
    arms: Sequence[Arm], config: Config, seeds: int, folder: Path, jobs: int | None = None, on: str = HERE
) -> tuple[dict[str, list[Run]], dict[str, float]]:
    """Train every arm with every seed, on the same tasks and from the same first weights for each seed.

    Arms that differ only at test time share a training. Each training has a process and a processor core to itself,
    which is faster than sharing cores within a training. A script that calls this must be guarded by
    `if __name__ == "__main__":`, because each process imports it.

    Args:
        arms: Arms with different names; at least one.
        config: Settings that all arms have in common. Its seed is the first one.
        seeds: Number of trainings of each arm.
        folder: Folder of the comparison. A run is written to `<folder>/arm-<number>/seed-<seed>`, with the number of
            the first arm that shares it; a run that is there already is resumed.
        jobs: Number of trainings at a time; the number of cores if None.
        on: Where they run: "here", in processes of this machine; "ray", or the address of a Ray cluster.

    Returns:
        The runs of each arm by name, with the arm's test plan and test learner, and the CPU seconds that training each
        arm took, those before a resumption included.

    Raises:
        InputError: If two arms have the same name, an arm cannot be trained or tested, a number is out of range, or
            the folder holds something else or another process writes to it.
        TrainingDiverged: If a training diverges.
    """
    with locked_folder(folder):
        return _train_arms(arms, config, seeds, folder, jobs, on)


def _train_arms(
    arms: Sequence[Arm], config: Config, seeds: int, folder: Path, jobs: int | None, on: str
) -> tuple[dict[str, list[Run]], dict[str, float]]:
    check_arms(arms, folder)
    check_numbers(seeds, jobs)
    check_place(on)
    check_arms_trainable(arms, config, load_sources(config))  # errors are raised before processes start
    # The test plan is no part of a training, so it can be changed without another one.
    configs = [replace(arm.configure(config), test_plan="none") for arm in arms]
    sharing = [configs.index(own) for own in configs]
    # Seed by seed rather than arm by arm, so that a machine that slows down does not favor an arm.
    work = {
        (number, seed): (configs[number].with_seed(seed), folder / f"arm-{number}" / f"seed-{seed}")
        for seed in range(config.fit.seed, config.fit.seed + seeds)
        for number in dict.fromkeys(sharing)
    }
    write_json(folder / COMPARISON, {"arms": [asdict(arm) for arm in arms]})
    waiting = [job for job in work.values() if not is_trained(*job)]
    if waiting:
        note = f"{len(set(sharing))} arms x {seeds} seeds"
        if on == HERE:
            _train_all(waiting, min(jobs or _cores(), len(waiting)), note)
        else:
            train_all_on_ray(waiting, on, jobs, note)
    runs, seconds = {}, {}
    for arm, trained in zip(arms, sharing, strict=True):
        folders = [run_folder for (number, _), (_, run_folder) in work.items() if number == trained]
        seconds[arm.name] = sum(map(cpu_seconds, folders))
        runs[arm.name] = [load_run(path).with_test_plan(arm.test_plan, arm.test_learner) for path in folders]
    return runs, seconds


def _train_all(work: Sequence[tuple[Config, Path]], workers: int, note: str) -> None:
    """Train each run in one of `workers` processes; the first failure stops those that have not begun."""
    steps = sum(config.fit.steps for config, _ in work)
    spawn = get_context("spawn")
    stop = spawn.Event()
    with ProcessPoolExecutor(workers, spawn, _set_up_worker, (stop,)) as pool, bar() as display:
        began = [pool.submit(_train_one, *job) for job in work]
        line = display.add_task("train", total=steps, note=note)
        try:
            while wait(began, timeout=0.5, return_when=FIRST_EXCEPTION).not_done:
                display.update(line, completed=sum(steps_noted(folder) for _, folder in work))
                _raise_first(began)
            _raise_first(began)  # the last one to end may have failed as well
        except BaseException:
            # A training in the pool's queue can no longer be canceled; it reads the flag and ends at once.
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def check_arms(arms: Sequence[Arm], folder: Path) -> None:
    """Make sure that arms have different names, and that the folder is empty or holds an earlier comparison.

    Args:
        arms: Arms of the comparison.
        folder: Folder that the comparison is written to.

    Raises:
        InputError: If two arms have the same name, or the folder holds something else.

    Example:
        >>> check_arms([Arm("plain", "none"), Arm("turned", "task: turn")], Path("/nowhere"))
    """
    check_arm_names([arm.name for arm in arms])
    if not (folder / COMPARISON).exists() and not is_free(folder, COMPARISON):
        raise InputError(f"{folder} is not empty and holds no comparison; choose another folder (--out)")


def check_numbers(seeds: int, jobs: int | None) -> None:
    """Make sure that there is at least one training, and at least one process.

    Args:
        seeds: Number of trainings of each arm.
        jobs: Number of trainings at a time; the number of cores if None.

    Raises:
        InputError: If a number is below 1.

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
    """Make sure that each arm can be trained and tested, without training it.

    Args:
        arms: Arms to check.
        config: Settings that all arms have in common.
        sources: Data of the comparison.

    Raises:
        InputError: If an arm cannot be trained or tested.

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
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_stop: Event | None = None
"""In a worker process: an event that is set when no further training should begin."""


def _set_up_worker(stop: Event) -> None:
    global _stop
    _stop = stop
    end_with_parent()


def _train_one(config: Config, folder: Path) -> None:
    """Train one run, in a worker process."""
    if _stop is not None and _stop.is_set():
        raise KeyboardInterrupt
    torch.set_num_threads(1)
    keep_freed_memory()
    quieten()
    train(config, folder, resume=(folder / CONFIG).exists())
