"""Compare ways to train an agent: the same seeds, and the same held-out worlds, for every arm."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.base import InputError, locked_folder, quieten, write_json
from manyshot.base.arm_text import check_arm_names
from manyshot.base.check_numbers import check_range
from manyshot.base.progress import bar
from manyshot.rl.interquartile_mean import interquartile_interval, interquartile_mean, probability_of_improvement
from manyshot.rl.rl_arm import RLArm
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_evaluate import WorldResults
from manyshot.rl.rl_train import RLRun, evaluate_run, is_agent_trained, load_agent, train_agent
from manyshot.rl.trainer import Trainer, steps_per_update
from manyshot.rl.world_split import WorldSplit
from manyshot.runtime.clock import cpu_seconds
from manyshot.runtime.metrics_log import steps_noted
from manyshot.runtime.run_folder import CONFIG, is_free
from manyshot.training.seed_intervals import Difference, holm, mean_interval, paired_difference

COMPARISON = "rl_compare.json"
"""The file that marks a folder as a comparison of agents."""


@dataclass(frozen=True, eq=False)
class AgentArm:
    """What an arm's trainings achieved in held-out worlds.

    Args:
        arm: The arm.
        runs: Its trainings, one a seed.
        results: Results of each training in each held-out world.
        training: The same in the training worlds.
        seconds: CPU seconds of all trainings.
    """

    arm: RLArm
    runs: Sequence[RLRun]
    results: Sequence[WorldResults]
    training: Sequence[WorldResults]
    seconds: float

    @property
    def solved(self) -> NDArray[np.float64]:
        """`[seeds, worlds]` held-out worlds that were solved in the last episode of a trial."""
        return np.stack([result.solved[:, -1] for result in self.results])

    def as_episodes(self) -> list[float]:
        """Share of the held-out worlds that were solved in each episode of a trial."""
        shares: list[float] = np.mean([result.solved.mean(0) for result in self.results], 0).tolist()
        return shares

    @property
    def trained_solved(self) -> float:
        """Share of the training worlds that were solved in the last episode."""
        return float(np.mean([result.solved[:, -1].mean() for result in self.training]))

    @property
    def steps(self) -> int:
        """Steps in the world of one training."""
        updates = max(row["step"] for row in self.runs[0].rows)
        return int(updates) * steps_per_update(self.runs[0].config)


@dataclass(frozen=True, eq=False)
class AgentComparison:
    """Results of a comparison of agents; the other arms are compared with the first.

    Args:
        config: Settings that the arms have in common.
        arms: Results of each arm, in order.
    """

    config: RLConfig
    arms: tuple[AgentArm, ...]

    def differences(self) -> dict[str, Difference]:
        """The paired difference of each arm from the first; none with one seed, which says nothing of another."""
        first, *others = self.arms
        if len(first.runs) < 2:
            return {}
        return {arm.arm.name: paired_difference(arm.solved, first.solved, most=1) for arm in others}

    def as_dict(self) -> dict[str, Any]:
        """The results for JSON."""
        gaps = self.differences()
        corrected = dict(zip(gaps, holm([gap.p_value for gap in gaps.values()]) if gaps else [], strict=True))
        first = self.arms[0]
        answer: dict[str, Any] = {}
        for arm in self.arms:
            solved, name = arm.solved, arm.arm.name
            row: dict[str, Any] = {
                "plan": arm.arm.plan,
                "settings": dict(arm.arm.settings),
                "held_out_solved": float(solved.mean()),
                "interval": list(mean_interval(solved.mean(0), 0, 1)),
                "by_seed": solved.mean(1).tolist(),
                "by_episode": arm.as_episodes(),
                "held_out_return": float(np.mean([r.returns[:, -1].mean() for r in arm.results])),
                "training_solved": arm.trained_solved,
                "interquartile_mean": interquartile_mean(solved),
                "interquartile_interval": list(interquartile_interval(solved)),
                "steps_per_training": arm.steps,
                "cpu_seconds_per_training": arm.seconds / len(arm.runs),
            }
            if arm is not first:
                row["difference"] = float((solved - first.solved).mean())
                row["probability_of_improvement"] = probability_of_improvement(solved, first.solved)
            if name in gaps:
                row["against_first"] = gaps[name].as_dict() | {"p_value_holm": corrected[name]}
            answer[name] = row
        return {"seeds": len(first.runs), "held_out_worlds": first.solved.shape[1], "arms": answer}


def compare_agents(
    arms: Sequence[RLArm], config: RLConfig, seeds: int, folder: Path, jobs: int | None = None
) -> AgentComparison:
    """Train every arm with every seed, and judge all in the same held-out worlds.

    Each training has a process to itself; a script that calls this must be guarded by `if __name__ == "__main__":`.

    Args:
        arms: Arms with different names; the first one is the baseline.
        config: Settings that all arms have in common. Its seed is the first one.
        seeds: Number of trainings of each arm.
        folder: Folder of the comparison; runs that are there already are resumed.
        jobs: Number of trainings at a time; the number of cores if None.

    Raises:
        InputError: If an arm cannot be trained, arms have different held-out worlds, or the folder holds something
            else; nothing has been trained then.
        TrainingDiverged: If a training diverges.
    """
    check_range(1, 10_000, whole=True, seeds=seeds)
    check_range(1, 10_000, whole=True, jobs=1 if jobs is None else jobs)
    configs = _checked(arms, config)
    with locked_folder(folder):
        if not (folder / COMPARISON).exists() and not is_free(folder, COMPARISON):
            raise InputError(f"{folder} is not empty and holds no comparison of agents; choose another folder (--out)")
        work = {
            (number, seed): (configs[number].with_seed(seed), folder / f"arm-{number}" / f"seed-{seed}")
            for seed in range(config.fit.seed, config.fit.seed + seeds)
            for number in range(len(arms))
        }
        write_json(folder / COMPARISON, {"arms": [asdict(arm) for arm in arms]})
        waiting = [job for job in work.values() if not is_agent_trained(*job)]
        if waiting:
            _train_all(waiting, min(jobs or os.cpu_count() or 1, len(waiting)), f"{len(arms)} arms x {seeds} seeds")
        return AgentComparison(config, tuple(_arm(arm, n, work) for n, arm in enumerate(arms)))


def _checked(arms: Sequence[RLArm], config: RLConfig) -> list[RLConfig]:
    """The settings of each arm, which can be trained and judged in the same worlds as the others."""
    if not arms:
        raise InputError("no arms to compare; give at least one: --arms none")
    check_arm_names([arm.name for arm in arms])
    configs = [arm.configure(config) for arm in arms]
    held_out: dict[str, Any] = {}
    for arm, own in zip(arms, configs, strict=True):
        try:
            split = WorldSplit.of(own)
            Trainer(own, split)
        except InputError as error:
            raise InputError(f"arm '{arm.name}': {error}") from None
        names = split.held_out.class_names
        other = held_out.setdefault("names", names)
        if names != other:
            raise InputError(
                f"arm '{arm.name}': other held-out worlds than '{arms[0].name}'; give both the same worlds and division"
            )
    return configs


def _arm(arm: RLArm, number: int, work: Mapping[tuple[int, int], tuple[RLConfig, Path]]) -> AgentArm:
    folders = [folder for (own, _), (_, folder) in work.items() if own == number]
    runs = [load_agent(folder) for folder in folders]
    held_out, training = ([evaluate_run(run, part) for run in runs] for part in ("held_out", "training"))
    return AgentArm(arm, runs, held_out, training, sum(map(cpu_seconds, folders)))


def _train_all(work: Sequence[tuple[RLConfig, Path]], workers: int, note: str) -> None:
    """Train each run in one of `workers` processes; the first failure stops those that have not begun."""
    total = sum(-(-config.fit.steps // steps_per_update(config)) for config, _ in work)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool, bar() as display:
        began = [pool.submit(_train_one, *job) for job in work]
        line = display.add_task("train", total=total, note=note)
        try:
            while wait(began, timeout=0.5, return_when=FIRST_EXCEPTION).not_done:
                display.update(line, completed=sum(steps_noted(folder) for _, folder in work))
                for training in began:
                    if training.done():
                        training.result()
            for training in began:
                training.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _train_one(config: RLConfig, folder: Path) -> None:
    """Train one run, in a worker process."""
    torch.set_num_threads(1)
    quieten()
    train_agent(config, folder, resume=(folder / CONFIG).exists())
