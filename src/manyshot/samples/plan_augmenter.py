"""An augmenter or a generative model used with a learner: do they go together, and which classes has it seen?"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from manyshot.augment import Augmenter
from manyshot.base import InputError
from manyshot.generate.config import GeneratorConfig
from manyshot.generate.train import GeneratorRun, is_generator_run, load_generator_run
from manyshot.learners import Learner
from manyshot.meta_augment.train import LEARNER, AugmenterRun, load_augmenter_run
from manyshot.samples.generated_shots import GeneratedShots
from manyshot.tasks import Source
from manyshot.training.config import Config
from manyshot.training.run import Run, load_run
from manyshot.training.splits import load_sources


@dataclass(frozen=True, eq=False)
class PlanAugmenter:
    """What makes further shots for a learner, and what it was trained for.

    Args:
        folder: of its run.
        augmenter: what a plan takes.
        shape: of the items that it learned from: (c, h, w), or (d,) of features.
        one_size: whether it takes pictures of that size alone.
        learner: whose encoder's features it makes; None where it makes items.
        learner_folder: where that lies.
        config: names the data that it learned from.
        classes: finds out which classes it learned from; refuses where the data are gone.
    """

    folder: Path
    augmenter: Augmenter
    shape: tuple[int, ...]
    one_size: bool
    learner: Learner | None
    learner_folder: Path
    config: Config | GeneratorConfig
    classes: Callable[[], Collection[str]]


def borrow(folder: Path | str) -> PlanAugmenter:
    """Read the run of an augmenter or of a generative model, which a plan's word `learned` may stand for.

    Raises:
        InputError: if the folder holds neither, a file is damaged, or a model is not shown items, so that it knows
            nothing of new classes.
    """
    folder = Path(folder)
    if is_generator_run(folder):
        return _of_model(load_generator_run(folder), folder)
    return _of_augmenter(load_augmenter_run(folder), folder)


def _of_augmenter(run: AugmenterRun, folder: Path) -> PlanAugmenter:
    config = run.run.config

    def classes() -> Collection[str]:
        sources = load_sources(config)
        return (sources.augmenter or sources.training).class_names

    learner = None if run.augmenter.space == "items" else run.learner
    return PlanAugmenter(folder, run.augmenter, run.shape, False, learner, folder / LEARNER, config, classes)


def _of_model(run: GeneratorRun, folder: Path) -> PlanAugmenter:
    if run.model.wants not in ("item", "mean"):
        raise InputError(
            f"{folder}: model '{run.config.model}' is not shown items, so it cannot make more of a support set; train "
            "one that is, such as dagan, or afhn for features"
        )
    encoder = run.config.encoder
    return PlanAugmenter(
        folder=folder,
        augmenter=GeneratedShots(run.model),
        shape=tuple(run.model.shape),
        one_size=True,
        learner=None if encoder is None else load_run(encoder).learner,
        learner_folder=Path(encoder or ""),
        config=run.config,
        classes=lambda: run.class_names,
    )


def augmenter_for(lent: PlanAugmenter, run: Run) -> Augmenter:
    """What makes the shots, once it is sure that it takes what the learner's run takes.

    Args:
        lent: what is to be used.
        run: the learner's.

    Raises:
        InputError: if its pictures have other channels or another size, or its features come from another encoder.
    """
    if lent.learner is None:
        pictures = (run.channels, run.size, run.size)
        if lent.shape[0] != run.channels or (lent.one_size and lent.shape != pictures):
            raise InputError(
                f"{lent.folder}: learned from pictures of {_told(lent.shape)}, but the learner's are of "
                f"{_told(pictures)}; take one that was trained for such pictures"
            )
        return lent.augmenter
    own, theirs = lent.learner.on_features(), run.learner.on_features()
    assert own is not None  # features of it have been made
    if theirs is not None and not _alike(own[0], theirs[0]):
        raise InputError(
            f"{lent.folder}: makes features of another encoder; judge the run that it was trained for, "
            f"{lent.learner_folder}, or train one for this run"
        )
    return lent.augmenter


def classes_seen_by(lent: PlanAugmenter, data: str, source: Source) -> int:
    """How many of the classes of a source, loaded from `data`, it was trained on; 0 where its data are gone.

    Args:
        lent: what is used.
        data: name of a data set, or path.
        source: what is to be judged on.
    """
    if replace(lent.config, data=data).anchored().data != lent.config.anchored().data:
        return 0
    try:
        return len(set(lent.classes()) & set(source.class_names))
    except InputError:
        return 0


def _told(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[2]} pixels and {shape[0]} channel{'s' if shape[0] > 1 else ''}"


def _alike(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two encoders have the same weights."""
    first, second = one.state_dict(), other.state_dict()
    if first.keys() != second.keys():
        return False
    return all(
        first[name].shape == second[name].shape and torch.equal(first[name].cpu(), second[name].cpu()) for name in first
    )
