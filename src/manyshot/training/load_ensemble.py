"""Runs used together: an ensemble of what several trainings found."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from manyshot.base import InputError
from manyshot.learners import Ensemble
from manyshot.training.run import Run, load_run

ALIKE = ("data", "split", "root", "centered", "validation", "test", "split_by", "learner")
"""What the settings of runs that are used together have in common, beside the shape of the items: so they set the same
classes aside."""


def load_ensemble(folders: Sequence[Path | str], learner: str | None = None) -> Run:
    """Load one run, or several as one whose learner averages their predictions.

    Args:
        folders: of runs on the same data, at least one.
        learner: uses the weights of each, see `Run.with_learner`; the runs' own if None.

    Returns:
        The first run; with several folders its learner is an `Ensemble`, it has no folder, and its settings name no
        number of training classes, since other seeds are trained on others.

    Raises:
        InputError: if a run cannot be read, is named twice, or was trained on other data than the first.

    Example:
        >>> load_ensemble(["nowhere"])
        Traceback (most recent call last):
        manyshot.base.errors.InputError: nowhere holds no run (no config.json); name a folder that `manyshot train` \
wrote
    """
    places = [Path(folder).resolve() for folder in folders]
    runs = [load_run(folder) for folder in folders]
    runs = runs if learner is None else [run.with_learner(learner) for run in runs]
    first = runs[0]
    for number, (folder, run) in enumerate(zip(folders, runs, strict=True)):
        if places[number] in places[:number]:
            raise InputError(f"{folder} is named twice; an ensemble needs different runs")
        for name in ALIKE:
            own, theirs = getattr(run.config, name), getattr(first.config, name)
            if own != theirs:
                raise InputError(
                    f"{folder}: {name}={own}, but {folders[0]} has {name}={theirs}; they cannot go together"
                )
        if (run.channels, run.size) != (first.channels, first.size):
            raise InputError(f"{folder}: items of another shape than those of {folders[0]}; they cannot go together")
    if len(runs) == 1:
        return first
    members = Ensemble([run.learner for run in runs]).eval()
    return replace(first, config=replace(first.config, classes=None), learner=members, folder=None)
