"""Omniglot's one-shot challenge from the minimal set: what each part of the augmentation brings.

Trained on the five alphabets of `small1` alone, judged on one-shot runs of other alphabets (Lake, Salakhutdinov and
Tenenbaum 2015): twenty letters of one alphabet, drawn once by one person to learn from, once by another to be told.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError, track
from manyshot.compare.arm import Arm
from manyshot.compare.run_arms import ArmResult, against_first, difference_as_dict, train_arms
from manyshot.contrib.deformation_matching import DeformationMatching
from manyshot.datasets import OneShotRuns, load_one_shot_runs
from manyshot.datasets.fetch import search_folders
from manyshot.learners import Learner
from manyshot.tasks import Episode
from manyshot.training.config import Config
from manyshot.training.evaluate import evaluate
from manyshot.training.settings import Settings
from manyshot.training.statistics import Difference
from manyshot.training.task_csv import TASKS, write_task_csv

_ITEMS = "support+query: affine(10, 1.15, 0.2, 0.05) elastic(0.07) stroke(0.7, p=0.5)"
_TURNED = "turn(per=task) flip(per=task)"
_ALL = f"task: {_TURNED} composites(arranged, 8, p=0.5); {_ITEMS}"
_VARIANT = "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)"
_VARIANTS = f"shots: 64 x {_VARIANT}; query: 16 x {_VARIANT}"
TRAINED = "+ composites"
"""The last rung that is a training of its own."""
SIZE = 32
"""Height and width of the drawings that networks are given, in pixels."""
FINE = 105
"""Height and width at which drawings are bent onto each other, in pixels: that of the published drawings."""
BENT = "deformation matching"
_WITHIN = (("within_group", "0.9"),)

CONFIG = Config(
    "omniglot",
    split="small1",
    size=SIZE,
    centered=True,
    encoder="conv4(32, 32, 64, 64)",
    ways=20,
    queries=2,
    validation=0.0,
    fit=Settings(steps=600, meta_batch_size=2, learning_rate=2e-3),
)
"""What every rung trains with."""

LADDER = (
    Arm("nothing", "none"),
    Arm("items deformed", _ITEMS),
    Arm("+ turned classes", f"task: turn flip; {_ITEMS}"),
    Arm("+ within an alphabet", f"task: {_TURNED}; {_ITEMS}", settings=_WITHIN),
    Arm(TRAINED, _ALL, settings=_WITHIN),
    Arm("+ mean of variants", _ALL, _VARIANTS, _WITHIN),
    Arm("+ nearest of variants", _ALL, _VARIANTS, _WITHIN, "prototypes(nearest)"),
)
"""The ladder: each has all that the one before it has; the last two differ from it in their use alone."""


@dataclass(frozen=True, eq=False)
class LadderResult:
    """What the ladder's rungs reached.

    Args:
        results: by rung, accuracy `[seeds, runs]`; what has no seed has the same row for each.
        seconds: CPU seconds of all trainings of a rung, by rung.
        trials: how many drawings were judged, of how many runs.
        steps: of each training.
        first_seed: The seed of the first training.
    """

    results: dict[str, ArmResult]
    seconds: dict[str, float]
    trials: tuple[int, int]
    steps: int
    first_seed: int = 0

    def task_rows(self) -> list[dict[str, str | int | float]]:
        """A row for each rung, seed and run, for `write_task_csv`."""
        return [row for name, one in self.results.items() for row in one.task_rows(self.first_seed, arm=name)]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what was judged, and by rung the error, its difference to the first, and what the rung trains."""
        arms = {arm.name: arm.as_dict() for arm in LADDER}
        rungs = {}
        for name, result in self.results.items():
            told, gap = result.as_dict(), result.against_first
            errors: dict[str, Any] = {
                "error": 1 - told["accuracy"],
                "interval": [1 - end for end in reversed(told["interval"])],
                "interval_over": "runs",
                "by_seed": [1 - one for one in told["by_seed"]],
            }
            fewer = None if gap is None else Difference(-gap.difference, -gap.high, -gap.low, gap.p_value)
            less = None if result.difference is None else -result.difference
            errors["against_first"] = difference_as_dict(less, fewer, result.p_value)
            seconds = {}
            if name in self.seconds:
                total = self.seconds[name]
                seconds = {"cpu_seconds_per_training": total / len(result.accuracy), "cpu_seconds_total": total}
            rungs[name] = arms.get(name, {}) | errors | seconds
        return {"trials": self.trials[0], "runs": self.trials[1], "steps": self.steps, "rungs": rungs}


def practice_runs(root: Path | None) -> Path:
    """`practice_runs.zip` beside Omniglot's files.

    Raises:
        InputError: if it is not there.
    """
    looked = search_folders("omniglot", root)
    for place in looked:
        if (place / "practice_runs.zip").exists():
            return place / "practice_runs.zip"
    raise InputError(f"no practice_runs.zip in {looked[0]}; put it there, or name runs by --one-shot-runs FILE")


def run_ladder(
    config: Config,
    judged: Path,
    seeds: int,
    folder: Path,
    jobs: int | None = None,
    rungs: tuple[Arm, ...] = LADDER,
) -> LadderResult:
    """Train the rungs, and judge them, deformation matching and ensembles of both on the same one-shot runs.

    Args:
        config: `CONFIG`, perhaps with another root, other steps, another encoder or seed.
        judged: one-shot runs, a zip or folder.
        seeds: trainings of each rung.
        folder: of the trainings, see `train_arms`; so is jobs.
        jobs: see there.
        rungs: those of the ladder to run_ladder; the one called `TRAINED` is among them.

    Raises:
        InputError: see `train_arms` and `load_one_shot_runs`; nothing has been trained then.
        TrainingDiverged: if a training does.
    """
    coarse = load_one_shot_runs(judged, SIZE, config.centered)
    fine = load_one_shot_runs(judged, FINE)
    runs, seconds = train_arms(rungs, config, seeds, folder, jobs)
    accuracy = {}
    for name, arm in runs.items():
        accuracy[name] = np.stack(
            [
                evaluate(
                    run.learner,
                    track(_one_by_one(coarse), name, len(coarse.names)),
                    Plan(run.config.test_plan),
                    config.fit.seed,
                ).accuracy
                for run in arm
            ]
        )
    nets = torch.stack([_said(run.learner, coarse, "prototypes") for run in runs[TRAINED]])
    bent = _said(DeformationMatching(), fine, BENT).expand_as(nets)
    mean = nets.mean(0, keepdim=True)
    # As an `Ensemble` has it: each member counts the same.
    beside = {
        BENT: bent,
        f"{BENT} and {TRAINED[2:]}": nets + bent,
        f"ensemble of the {seeds} seeds": mean.expand_as(nets),
        f"ensemble of the {seeds} seeds and {BENT}": (seeds * mean + bent).expand_as(nets),
    }
    right = coarse.episode.query.class_ids
    accuracy |= {name: (said.argmax(-1) == right).double().mean(-1).numpy() for name, said in beside.items()}
    own = {arm.name: seconds[arm.name] for arm in rungs if arm.test_plan == "none"}
    results = against_first(accuracy)
    climbed = LadderResult(results, own, (right.numel(), len(right)), config.fit.steps, config.fit.seed)
    write_task_csv(folder / TASKS, climbed.task_rows())
    return climbed


def _one_by_one(runs: OneShotRuns) -> list[Episode]:
    return [runs.episode[place : place + 1] for place in range(len(runs.names))]


@torch.no_grad()
def _said(learner: Learner, runs: OneShotRuns, title: str) -> Float[Tensor, "t m ways"]:
    """Log-probabilities."""
    said = []
    for task in track(_one_by_one(runs), title, len(runs.names)):
        episode = task.as_float()
        said.append(learner.adapt(episode.support)(episode.query.items).log_softmax(-1))
    return torch.cat(said)
