"""Arms beside each other: the same tasks, paired differences, and how sure they are."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler
from manyshot.training.config import Config
from manyshot.training.evaluate import evaluate
from manyshot.training.run import Run, train
from manyshot.training.statistics import Difference, holm, mean_interval, paired_difference


@dataclass(frozen=True)
class Arm:
    """One way to augment.

    Args:
        name: what tables call it.
        plan: augmentation of the training tasks.
        test_plan: augmentation at use time.

    Example:
        >>> Arm.parse("wide = support: affine(30) => shots: 8 x affine(30)")
        Arm(name='wide', plan='support: affine(30)', test_plan='shots: 8 x affine(30)')
        >>> Arm.parse("handwriting").name
        'handwriting'
    """

    name: str
    plan: str
    test_plan: str = "none"

    @classmethod
    def parse(cls, text: str) -> "Arm":
        """Read `[name =] training plan [=> test plan]`; a plan without a name is its own name.

        Raises:
            InputError: if a plan cannot be read.
        """
        training, arrow, test = (part.strip() for part in text.partition("=>"))
        name, equals, plan = (part.strip() for part in training.partition("="))
        # An equals sign within an op's brackets is an option, not a name.
        if not equals or not name.replace("-", "").replace("_", "").replace(" ", "").isalnum():
            name, plan = text.strip(), training
        if arrow and not test:
            raise InputError(f"arm '{text}': no plan after '=>'; write one, or 'none'")
        arm = cls(name, plan, test or "none")
        Plan.parse(arm.plan)
        Plan.parse(arm.test_plan)
        return arm


@dataclass(frozen=True, eq=False)
class ArmResult:
    """What an arm reached.

    Args:
        accuracy: `[seeds, tasks]`.
        against_first: the paired difference from the first arm; None for the first arm itself.
        p_value: of that difference, corrected for the number of arms (Holm); None for the first arm.
    """

    accuracy: NDArray[np.float64]
    against_first: Difference | None = None
    p_value: float | None = None

    @property
    def mean(self) -> float:
        """Over seeds and tasks."""
        return float(self.accuracy.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over tasks (of each task's mean over seeds)."""
        return mean_interval(self.accuracy.mean(0))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        difference = None
        if self.against_first is not None:
            difference = self.against_first.as_dict() | {"p_value_holm": self.p_value}
        return {
            "accuracy": self.mean,
            "interval": list(self.interval),
            "by_seed": [float(a) for a in self.accuracy.mean(1)],
            "against_first": difference,
        }


def train_arms(
    arms: Sequence[Arm], config: Config, seeds: int, folder: Path | None = None
) -> tuple[dict[str, list[Run]], dict[str, float]]:
    """Train every arm with every seed, on the same tasks and from the same first weights for each seed.

    Args:
        arms: at least one, with different names.
        config: everything but the plans and the seed; seeds count up from its own.
        seeds: how many.
        folder: the runs lie in `<folder>/<arm number>/<seed>`, and finished ones are not trained again; None keeps
            nothing.

    Returns:
        The runs of each arm by name, and the CPU seconds that training each arm took.

    Raises:
        InputError: if two arms share a name.
    """
    if len({arm.name for arm in arms}) < len(arms):
        raise InputError(f"two arms are called '{_repeated([arm.name for arm in arms])}'; name them: 'first = plan'")
    runs: dict[str, list[Run]] = {arm.name: [] for arm in arms}
    seconds = dict.fromkeys(runs, 0.0)
    # Seed by seed rather than arm by arm, so that a machine that slows down does not favour an arm.
    for seed in range(config.fit.seed, config.fit.seed + seeds):
        for number, arm in enumerate(arms):
            settings = replace(config.seeded(seed), plan=arm.plan, test_plan=arm.test_plan)
            place = folder / f"arm-{number}" / f"seed-{seed}" if folder else None
            began = time.process_time()
            title = f"{arm.name[:40]}, seed {seed}"
            runs[arm.name].append(train(settings, place, resume=place is not None, title=title))
            seconds[arm.name] += time.process_time() - began
    return runs, seconds


def compare(
    runs: Mapping[str, Sequence[Run]], sampler: EpisodeSampler, tasks: int, seed: int = 0
) -> dict[str, ArmResult]:
    """Judge the runs of every arm on the same tasks.

    Args:
        runs: by arm; as many seeds each. The first arm is what the others are measured against.
        sampler: of the test tasks.
        tasks: how many.
        seed: of the draws of test plans.

    Returns:
        One result an arm, in the same order.
    """
    accuracy = {
        name: np.stack(
            [evaluate(r.learner, sampler.batches(tasks), Plan.parse(r.config.test_plan), seed).accuracy for r in arm]
        )
        for name, arm in runs.items()
    }
    first, *others = accuracy
    differences = {name: paired_difference(accuracy[name], accuracy[first]) for name in others}
    corrected = dict(zip(others, holm([d.p_value for d in differences.values()]) if others else [], strict=True))
    return {name: ArmResult(a, differences.get(name), corrected.get(name)) for name, a in accuracy.items()}


def _repeated(names: Sequence[str]) -> str:
    return next(name for name in names if list(names).count(name) > 1)
