"""Experiment on memorization: whether learners memorize few training tasks, and whether label noise prevents it.

The waves of this experiment can be recognized by their inputs alone, so a network can memorize all training waves
without using the support, and is then wrong about new waves (Yin et al. 2020). Adding one random number to all targets
of a task prevents it, since that number can be inferred from the support alone (Rajendran, Irpan and Jang 2020).
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from manyshot.augment import Plan
from manyshot.compare.arm_result import difference_as_dict
from manyshot.learners import MAML
from manyshot.tasks import Sinusoids
from manyshot.training.fit_settings import Settings
from manyshot.training.memorization_probe import MemorizationProbe, probe
from manyshot.training.seed_intervals import Difference, mean_interval, paired_difference
from manyshot.training.training_loop import fit

ARMS = {"without": "none", "label-shared noise": "task: label_noise(4)"}
"""Plan of the training tasks of each arm; the first arm is the baseline of the others."""
STEPS, SEEDS, WIDTH, STEP_SIZE, SHOTS = 3000, 5, 40, 0.01, 10
NEW = 10_000
"""First seed of the new waves."""


@dataclass(frozen=True, eq=False)
class MemorizationResult:
    """Errors of the arms on new waves and on the training waves.

    Args:
        waves: Number of training waves.
        new: Probes on new waves by arm, one per seed; the waves are the same for all.
        known: Probes on the training waves, at new points, by arm, one per seed.
        seconds: CPU seconds of each arm's trainings.
    """

    waves: int
    new: dict[str, list[MemorizationProbe]]
    known: dict[str, list[MemorizationProbe]]
    seconds: dict[str, float]

    def errors(self, arm: str) -> NDArray[np.float64]:
        """`[seeds, tasks]` squared error on new waves, with the true support."""
        return np.stack([result.true for result in self.new[arm]])

    def difference(self, arm: str) -> float | None:
        """Mean difference of an arm's error from that of the first arm; None for the first arm itself."""
        first = next(iter(self.new))
        return None if arm == first else float((self.errors(arm) - self.errors(first)).mean())

    def against_first(self, arm: str) -> Difference | None:
        """The same difference with its interval; None for the first arm, and if each arm was trained once."""
        first = next(iter(self.new))
        if arm == first or len(self.new[first]) == 1:
            return None
        return paired_difference(self.errors(arm), self.errors(first))

    def task_rows(self, first_seed: int = 0) -> list[dict[str, str | int | float]]:
        """A row for each arm, seed and new wave, for `write_task_csv`.

        Args:
            first_seed: Seed of the first training; the others follow it.
        """
        return [
            {"waves": self.waves, "arm": arm, "seed": first_seed + seed, "task": task, "squared_error": float(error)}
            for arm in self.new
            for seed, errors in enumerate(self.errors(arm))
            for task, error in enumerate(errors)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The result of each arm for JSON: its error on new waves, and both errors on new and on training waves."""
        results = {}
        for arm in self.new:
            errors, gap = self.errors(arm), self.against_first(arm)
            results[arm] = {
                "plan": ARMS[arm],
                "error": float(errors.mean()),
                "interval": list(mean_interval(errors.mean(0), least=0)),
                "interval_over": "tasks",
                "by_seed": [float(error) for error in errors.mean(1)],
                "new_waves": _supports(self.new[arm]),
                "training_waves": _supports(self.known[arm]),
                "against_first": difference_as_dict(self.difference(arm), gap, None if gap is None else gap.p_value),
                "cpu_seconds_per_training": self.seconds[arm] / len(errors),
                "cpu_seconds_total": self.seconds[arm],
            }
        return results


def run_memorization(
    waves: int, seeds: int = SEEDS, steps: int = STEPS, tasks: int = 200, seed: int = 0
) -> MemorizationResult:
    """Train MAML on a few fixed waves with the plan of each arm, and probe it on new waves and on the training waves.

    Args:
        waves: Number of training waves.
        seeds: Number of trainings of each arm, each with other weights and other waves.
        steps: Number of steps of each training.
        tasks: Number of test tasks, rounded up to a multiple of `waves`.
        seed: First seed.

    Example:
        >>> run_memorization(3, seeds=1, steps=2, tasks=6).errors("without").shape
        (1, 6)
    """
    sets = -(-tasks // waves)
    new = [Sinusoids(SHOTS, SHOTS, NEW + number, waves, disjoint=True).batch(0, waves) for number in range(sets)]
    result = MemorizationResult(waves, {arm: [] for arm in ARMS}, {arm: [] for arm in ARMS}, dict.fromkeys(ARMS, 0.0))
    for own in range(seed, seed + seeds):
        known = Sinusoids(SHOTS, SHOTS, own, waves, disjoint=True)
        unseen = known.batch(waves * steps * 8, waves * sets)  # the same waves at other points
        for arm, plan in ARMS.items():
            learner = _learner(own)
            settings = Settings(steps=steps, meta_batch_size=8, seed=own)
            began = time.process_time()
            fit(learner, known, settings, Plan(plan), title=f"{waves} waves, {arm}, seed {own}")
            result.seconds[arm] += time.process_time() - began
            result.new[arm].append(probe(learner, new, own))
            result.known[arm].append(probe(learner, [unseen], own))
    return result


def _learner(seed: int) -> MAML:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(1, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)]
    return MAML(nn.Sequential(*layers), ways=1, step_size=STEP_SIZE, criterion="squared-error")


def _supports(probes: list[MemorizationProbe]) -> dict[str, float]:
    """Mean errors with the true and with a shuffled support."""
    return {
        "true_support": float(np.mean([one.true.mean() for one in probes])),
        "shuffled_support": float(np.mean([one.shuffled.mean() for one in probes])),
    }
