"""Comparison of arms without training: test plans and learners on a frozen encoder."""

from collections.abc import Sequence
from dataclasses import replace

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.arm_text import check_arm_names
from manyshot.compare.arm import Arm
from manyshot.compare.arm_augmenter import load_augmenters
from manyshot.compare.arm_result import compare
from manyshot.compare.comparison import Comparison, ComparisonResult, EvaluationSuite
from manyshot.tasks import Source
from manyshot.training.load_run import Run, frozen_run
from manyshot.training.run_config import Config
from manyshot.training.splits import Sources

SETTINGS = ("learner", "encoder")
"""Settings that an arm may have if nothing is trained."""


def as_test_plan(arm: Arm) -> Arm:
    """The same arm with its plan as test plan, since nothing is trained.

    Args:
        arm: Arm with one plan.

    Raises:
        InputError: If the arm has two plans, or a setting that only training uses.

    Example:
        >>> as_test_plan(Arm.parse("more = shots: 4 x noise")).test_plan
        'shots: 4 x noise'
    """
    for name, value in arm.settings:
        if name not in SETTINGS:
            raise InputError(f"arm '{arm.name}': {name}={value}: nothing is trained here; leave it out")
    if arm.test_plan == "none":
        return replace(arm, plan="none", test_plan=arm.plan)
    if arm.plan != "none":
        raise InputError(
            f"arm '{arm.name}': nothing is trained here, so it has one plan; leave out the one before '=>'"
        )
    return arm


def compare_frozen(
    arms: Sequence[Arm], config: Config, suite: EvaluationSuite, source: Source, metric: str = "accuracy"
) -> ComparisonResult:
    """Evaluate untrained arms, each with its plan, on the same tasks.

    Args:
        arms: Arms with different names, at least one; each has one plan, which acts at test time.
        config: Settings that all arms have in common: learner, encoder and seed.
        suite: Test tasks, drawn from all of the source.
        source: Source of the test tasks.
        metric: What arms are compared by.

    Raises:
        InputError: If an arm would have to be trained first or has two plans, or the source is too small.

    Example:
        >>> source = Source.of([f"{w} {i}" for w in ("pay", "play") for i in range(9)], ["money"] * 9 + ["music"] * 9)
        >>> arms = [Arm.parse("none"), Arm.parse("ridge = none | learner=ridge")]
        >>> result = compare_frozen(arms, Config("here", encoder="ngrams(64)"), EvaluationSuite("", 2, 1, 3, 5), source)
        >>> list(result.results[""])
        ['none', 'ridge']
    """
    used = [as_test_plan(arm) for arm in arms]
    check_arm_names([arm.name for arm in used])
    sampler = suite.sampler(config, Sources(source, test=source))
    runs: dict[str, list[Run]] = {}
    for arm in used:
        Plan(arm.test_plan)
        run = frozen_run(arm.configure(config), source)
        runs[arm.name] = [run.with_test_plan(arm.test_plan, arm.test_learner)]
    augmenters = load_augmenters(used, runs)
    results = {suite.name: compare(runs, sampler, suite.tasks, config.fit.seed, False, augmenters, metric)}
    seconds = dict.fromkeys(runs, 0.0)
    return ComparisonResult(
        Comparison("", config, tuple(used), (suite,), 1, metric), runs, seconds, results, {suite.name: source.name}
    )
