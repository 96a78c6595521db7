"""Omniglot's one-shot challenge from the minimal set: an ablation that adds one part of the augmentation at a time.

Training uses the five alphabets of `small1` alone. The test runs are of other alphabets (Lake, Salakhutdinov and
Tenenbaum 2015): twenty letters of one alphabet, drawn by one person as support and by another as queries.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment import Plan, pool_variants
from manyshot.base import InputError, track
from manyshot.base.seeds import generator
from manyshot.compare.arm import Arm
from manyshot.compare.arm_result import ArmResult, arm_results, difference_as_dict
from manyshot.compare.arm_training import train_arms
from manyshot.contrib.deformation_matching import DeformationMatching
from manyshot.datasets import OneShotRuns, load_one_shot_runs
from manyshot.datasets.fetch import search_folders
from manyshot.learners import Learner
from manyshot.nets import evaluation_mode
from manyshot.runtime.ray_cluster import HERE
from manyshot.tasks import Episode
from manyshot.training.fit_settings import Settings
from manyshot.training.run_config import Config
from manyshot.training.seed_intervals import Difference
from manyshot.training.task_csv import TASKS, write_task_csv

_ITEMS = "support+query: affine(10, 1.15, 0.2, 0.05) elastic(0.07) stroke(0.7, p=0.5)"
_TURNED = "turn(per=task) flip(per=task)"
_ALL = f"task: {_TURNED} composites(arranged, 8, p=0.5); {_ITEMS}"
_VARIANT = "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)"
_VARIANTS = f"shots: 64 x {_VARIANT}; query: 16 x {_VARIANT}"
TRAINED = "+ composites"
"""Name of the last arm with a training of its own."""
NEAREST = "+ nearest of variants"
"""Name of the arm that compares with variants of each drawing."""
SIZE = 32
"""Height and width of the networks' images, in pixels."""
FINE = 105
"""Height and width of the images for deformation matching, in pixels: those of the published drawings."""
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
"""Settings that all arms have in common."""

LADDER = (
    Arm("nothing", "none"),
    Arm("items deformed", _ITEMS),
    Arm("+ turned classes", f"task: turn flip; {_ITEMS}"),
    Arm("+ within an alphabet", f"task: {_TURNED}; {_ITEMS}", settings=_WITHIN),
    Arm(TRAINED, _ALL, settings=_WITHIN),
    Arm("+ mean of variants", _ALL, _VARIANTS, _WITHIN),
    Arm(NEAREST, _ALL, _VARIANTS, _WITHIN, "prototypes(nearest)"),
)
"""The arms: each adds a part to the one before it. The last two differ from it only at test time."""


@dataclass(frozen=True, eq=False)
class LadderResult:
    """Results of the arms, of deformation matching and of ensembles.

    Args:
        results: Results by name, with accuracies `[seeds, runs]`; those of methods without a seed are repeated.
        seconds: CPU seconds of all trainings of an arm, by arm.
        trials: Number of queries, and number of runs.
        steps: Number of steps of each training.
        first_seed: Seed of the first training.
    """

    results: dict[str, ArmResult]
    seconds: dict[str, float]
    trials: tuple[int, int]
    steps: int
    first_seed: int = 0

    def task_rows(self) -> list[dict[str, str | int | float]]:
        """A row for each arm, seed and run, for `write_task_csv`."""
        return [row for name, one in self.results.items() for row in one.task_rows(self.first_seed, arm=name)]

    def as_dict(self) -> dict[str, Any]:
        """The results for JSON: the size of the test, and by arm its settings, error and difference from the first."""
        arms = {arm.name: arm.as_dict() for arm in LADDER}
        results = {}
        for name, result in self.results.items():
            values, gap = result.as_dict(), result.against_first
            errors: dict[str, Any] = {
                "error": 1 - values["accuracy"],
                "interval": [1 - end for end in reversed(values["interval"])],
                "interval_over": "runs",
                "by_seed": [1 - one for one in values["by_seed"]],
            }
            fewer = None if gap is None else Difference(-gap.difference, -gap.high, -gap.low, gap.p_value)
            less = None if result.difference is None else -result.difference
            errors["against_first"] = difference_as_dict(less, fewer, result.p_value)
            seconds = {}
            if name in self.seconds:
                total = self.seconds[name]
                seconds = {"cpu_seconds_per_training": total / len(result.accuracy), "cpu_seconds_total": total}
            results[name] = arms.get(name, {}) | errors | seconds
        return {"trials": self.trials[0], "runs": self.trials[1], "steps": self.steps, "arms": results}


def practice_runs(root: Path | None) -> Path:
    """The path of `practice_runs.zip`, which is looked for beside Omniglot's files.

    Args:
        root: Folder of the data sets' official files; the usual places if None.

    Raises:
        InputError: If the file is missing.
    """
    folders = search_folders("omniglot", root)
    for folder in folders:
        if (folder / "practice_runs.zip").exists():
            return folder / "practice_runs.zip"
    raise InputError(f"no practice_runs.zip in {folders[0]}; put it there, or name runs by --one-shot-runs FILE")


def run_ladder(
    config: Config,
    test_runs: Path,
    seeds: int,
    folder: Path,
    *,
    jobs: int | None = None,
    on: str = HERE,
    arms: tuple[Arm, ...] = LADDER,
) -> LadderResult:
    """Train the arms, and evaluate them, deformation matching and ensembles on the same one-shot runs.

    Args:
        config: Settings that all arms have in common: `CONFIG`, or a variant of it.
        test_runs: Zip file or folder of one-shot runs.
        seeds: Number of trainings of each arm.
        folder: Folder of the comparison; trainings that are there already are resumed.
        jobs: Number of trainings at a time; the number of cores if None.
        on: Where they run: "here", in processes of this machine; "ray", or the address of a Ray cluster.
        arms: Arms to run; the one called `TRAINED` must be among them.

    Raises:
        InputError: If an arm, the one-shot runs or the folder cannot be used; nothing has been trained then.
        TrainingDiverged: If a training diverges.
    """
    coarse = load_one_shot_runs(test_runs, SIZE, config.centered)
    fine = load_one_shot_runs(test_runs, FINE)
    runs, seconds = train_arms(arms, config, seeds, folder, jobs, on)
    seed = config.fit.seed
    scores = {
        name: torch.stack(
            [_log_probabilities(run.learner, coarse, name, Plan(run.config.test_plan), seed) for run in arm]
        )
        for name, arm in runs.items()
    }
    scores |= _combine(scores, _log_probabilities(DeformationMatching(), fine, BENT))
    truth = coarse.episode.query.class_ids
    accuracy = {name: (answers.argmax(-1) == truth).double().mean(-1).numpy() for name, answers in scores.items()}
    own_seconds = {arm.name: seconds[arm.name] for arm in arms if arm.test_plan == "none"}
    trials = (truth.numel(), len(truth))
    result = LadderResult(arm_results(accuracy), own_seconds, trials, config.fit.steps, config.fit.seed)
    write_task_csv(folder / TASKS, result.task_rows())
    return result


def _one_by_one(runs: OneShotRuns) -> list[Episode]:
    return [runs.episode[number : number + 1] for number in range(len(runs.names))]


def _combine(
    scores: dict[str, Float[Tensor, "seeds t m ways"]], bent: Float[Tensor, "t m ways"]
) -> dict[str, Float[Tensor, "seeds t m ways"]]:
    """Log-probabilities of deformation matching, alone and with networks, and of ensembles of all seeds."""
    combined: dict[str, Float[Tensor, "seeds t m ways"]] = {}
    for name in (name for name in (TRAINED, NEAREST) if name in scores):
        nets = scores[name]
        # Each member has the same weight, as in an `Ensemble`.
        mean, members = nets.mean(0, keepdim=True), len(nets)
        ensemble = f"ensemble of the {members} seeds" + (f", {name[2:]}" if name != TRAINED else "")
        combined |= {
            BENT: bent.expand_as(nets),
            f"{BENT} and {name[2:]}": nets + bent,
            ensemble: mean.expand_as(nets),
            f"{ensemble} and {BENT}": (members * mean + bent).expand_as(nets),
        }
    return combined


@torch.no_grad()
def _log_probabilities(
    learner: Learner, runs: OneShotRuns, title: str, plan: Plan | None = None, seed: int = 0
) -> Float[Tensor, "t m ways"]:
    """Log-probabilities of the classes for each query, under a plan at test time."""
    plan, log_probabilities = plan or Plan(), []
    with evaluation_mode(learner):
        for number, task in enumerate(track(_one_by_one(runs), title, len(runs.names))):
            episode = plan.apply(task, generator(seed, "evaluate", number))
            logits = learner.adapt(episode.support)(episode.query.items, episode.query.weight)
            log_probabilities.append(pool_variants(logits, plan.query_copies).log_softmax(-1))
    return torch.cat(log_probabilities)
