"""Arms that train nothing, beside each other: plans and learners at use time, on a frozen encoder."""

from collections.abc import Sequence
from dataclasses import replace

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.compare.arm import Arm
from manyshot.compare.comparison import Comparison, ComparisonResult, EvaluationSuite
from manyshot.compare.run_arms import compare
from manyshot.tasks import Source
from manyshot.training.config import Config
from manyshot.training.run import Run, frozen_run
from manyshot.training.splits import Sources

SETTINGS = ("learner", "encoder")
"""What an arm may set where nothing is trained."""


def as_test_plan(arm: Arm) -> Arm:
    """The same arm with its plan where it acts if nothing is trained: at use time.

    Raises:
        InputError: if it has plans for both times, or a setting of a training.

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
            f"arm '{arm.name}': nothing is trained here, so it has one plan; leave out what stands before =>"
        )
    return arm


def compare_frozen(arms: Sequence[Arm], config: Config, judging: EvaluationSuite, source: Source) -> ComparisonResult:
    """Judge encoders and learners as they are, each with its plan, on the same tasks.

    Args:
        arms: at least one, with different names; each has one plan, which acts at use time.
        config: names the data, the learner and the encoder of arms that set none, and the seed.
        judging: the tasks; drawn from all of the source.
        source: what to judge on.

    Raises:
        InputError: if an arm would have to be trained first, has plans for two times, or the source is too small.

    Example:
        >>> source = Source.of([f"{w} {i}" for w in ("pay", "play") for i in range(9)], ["money"] * 9 + ["music"] * 9)
        >>> arms = [Arm.parse("none"), Arm.parse("ridge = none | learner=ridge")]
        >>> found = compare_frozen(arms, Config("here", encoder="ngrams(64)"), EvaluationSuite("", 2, 1, 3, 5), source)
        >>> list(found.results[""])
        ['none', 'ridge']
    """
    used = [as_test_plan(arm) for arm in arms]
    names = [arm.name for arm in used]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two arms are called '{twice}'; name them: 'first = plan'")
    sampler = judging.sampler(config, Sources(source, test=source))
    runs: dict[str, list[Run]] = {}
    for arm in used:
        Plan(arm.test_plan)
        run = frozen_run(arm.configure(config), source)
        runs[arm.name] = [run.with_test_plan(arm.test_plan, arm.test_learner)]
    results = {judging.name: compare(runs, sampler, judging.tasks, config.fit.seed, trained=False)}
    seconds = dict.fromkeys(runs, 0.0)
    return ComparisonResult(
        Comparison("", config, tuple(used), (judging,), 1), runs, seconds, results, {judging.name: source.name}
    )
