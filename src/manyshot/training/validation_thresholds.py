"""Thresholds for a specificity, from tasks of the part of the data that a run was not trained on nor is tested on."""

from collections.abc import Callable

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.load_run import Run
from manyshot.training.run_config import Config
from manyshot.training.splits import load_sources
from manyshot.training.task_measures import threshold_of

SPECIFICITIES = (0.9, 0.95)
TASKS = 100
"""Number of validation tasks."""


def thresholds_of(
    run: Run,
    plan: Plan,
    sampler: Callable[[Source, Config], EpisodeSampler],
    seed: int = 0,
    device: str | None = None,
) -> dict[float, float]:
    """The probability that a fraction of the wrong classes do not exceed on validation tasks, by that fraction.

    Args:
        run: A trained run.
        plan: Augmentation at use time.
        sampler: Gives tasks of a source that are like those that the run is to be evaluated on.
        seed: Seed of the plan's draws.
        device: Device to compute on.

    Returns:
        Nothing if the run has no validation part, it has too few classes for such tasks, or its data are gone.
    """
    try:
        source = load_sources(run.config).validation
        tasks = None if source is None else sampler(source, run.config)
    except InputError:
        return {}
    if tasks is None:
        return {}
    answers = evaluate_tasks(run.learner, tasks, TASKS, plan, seed, device).answers
    return {} if answers is None else {level: threshold_of(answers, level) for level in SPECIFICITIES}
