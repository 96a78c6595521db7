"""Do learners know few training tasks by heart, and does label-shared noise keep them from it?

Waves that stand apart are told by x alone, so that a network can know all training waves without a look at the support,
and is then wrong about new ones (Yin et al. 2020). One number added to all targets of a task can be known from the
support alone (Rajendran, Irpan and Jang 2020).
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from manyshot.augment import Plan
from manyshot.compare.run_arms import difference_as_dict
from manyshot.learners import MAML
from manyshot.tasks import Sinusoids
from manyshot.training.fit import fit
from manyshot.training.settings import Settings
from manyshot.training.statistics import Difference, mean_interval, paired_difference
from manyshot.training.support_shuffle import MemorisationProbe, probe

ARMS = {"without": "none", "label-shared noise": "task: label_noise(4)"}
"""Plans of the training tasks by name; the first is what the others are measured against."""
STEPS, SEEDS, WIDTH, STEP_SIZE, SHOTS = 3000, 5, 40, 0.01, 10
NEW = 10_000
"""Seeds of new waves begin here."""


@dataclass(frozen=True, eq=False)
class Remembered:
    """What learners know of waves.

    Args:
        waves: how many waves they were trained on.
        new: by arm, a probe a seed on new waves, the same for all.
        known: by arm, a probe a seed on the training waves, at new points.
        seconds: by arm, the CPU seconds of its trainings.
    """

    waves: int
    new: dict[str, list[MemorisationProbe]]
    known: dict[str, list[MemorisationProbe]]
    seconds: dict[str, float]

    def errors(self, arm: str) -> NDArray[np.float64]:
        """`[seeds, tasks]` squared error on new waves, with their support."""
        return np.stack([found.true for found in self.new[arm]])

    def difference(self, arm: str) -> float | None:
        """How much larger the mean error is than that of the first arm; None for itself."""
        first = next(iter(self.new))
        return None if arm == first else float((self.errors(arm) - self.errors(first)).mean())

    def against_first(self, arm: str) -> Difference | None:
        """The same with its interval; None for the first arm, and where each arm was trained once."""
        first = next(iter(self.new))
        if arm == first or len(self.new[first]) == 1:
            return None
        return paired_difference(self.errors(arm), self.errors(first))

    def task_rows(self, first_seed: int = 0) -> list[dict[str, str | int | float]]:
        """A row for each arm, seed and new wave, for `write_task_csv`.

        Args:
            first_seed: The first training's seed.
        """
        return [
            {"waves": self.waves, "arm": arm, "seed": first_seed + seed, "task": task, "squared_error": float(error)}
            for arm in self.new
            for seed, errors in enumerate(self.errors(arm))
            for task, error in enumerate(errors)
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: by arm, the error on new waves and its interval, and both kinds of wave with either support."""
        answer = {}
        for arm in self.new:
            errors, gap = self.errors(arm), self.against_first(arm)
            answer[arm] = {
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
        return answer


def remember(waves: int, seeds: int = SEEDS, steps: int = STEPS, tasks: int = 200, seed: int = 0) -> Remembered:
    """Train MAML on a few fixed waves with each plan, and probe it on new and on known ones.

    Args:
        waves: to train on.
        seeds: of weights and of waves; they count up from `seed`.
        steps: of each training.
        tasks: to judge on, at least.
        seed: the first seed.

    Example:
        >>> remember(3, seeds=1, steps=2, tasks=6).errors("without").shape
        (1, 6)
    """
    sets = -(-tasks // waves)
    new = [Sinusoids(SHOTS, SHOTS, NEW + number, waves, apart=True).batch(0, waves) for number in range(sets)]
    found = Remembered(waves, {arm: [] for arm in ARMS}, {arm: [] for arm in ARMS}, dict.fromkeys(ARMS, 0.0))
    for own in range(seed, seed + seeds):
        known = Sinusoids(SHOTS, SHOTS, own, waves, apart=True)
        unseen = known.batch(waves * steps * 8, waves * sets)  # the same waves at other points
        for arm, plan in ARMS.items():
            learner = _learner(own)
            settings = Settings(steps=steps, meta_batch_size=8, seed=own)
            began = time.process_time()
            fit(learner, known, settings, Plan(plan), title=f"{waves} waves, {arm}, seed {own}")
            found.seconds[arm] += time.process_time() - began
            found.new[arm].append(probe(learner, new, own))
            found.known[arm].append(probe(learner, [unseen], own))
    return found


def _learner(seed: int) -> MAML:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(1, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)]
    return MAML(nn.Sequential(*layers), ways=1, step_size=STEP_SIZE, criterion="squared-error")


def _supports(found: list[MemorisationProbe]) -> dict[str, float]:
    """Mean error with the true and with a shuffled support."""
    return {
        "true_support": float(np.mean([one.true.mean() for one in found])),
        "shuffled_support": float(np.mean([one.shuffled.mean() for one in found])),
    }
