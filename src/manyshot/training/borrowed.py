"""An augmenter used with a learner: whether they go together, and which classes it has seen."""

from dataclasses import replace

import torch

from manyshot.base import InputError
from manyshot.meta_augment import LearnedAugmenter
from manyshot.tasks import Source
from manyshot.training.augmenter_stage import AugmenterRun
from manyshot.training.run import Run, load_sources


def augmenter_for(augmenter: AugmenterRun, run: Run) -> LearnedAugmenter:
    """The augmenter, once it is sure that it takes what the learner's run takes.

    Args:
        augmenter: the augmenter's run.
        run: the learner's.

    Raises:
        InputError: if its pictures have other channels, or its features come from another encoder.
    """
    if augmenter.augmenter.space == "items":
        if augmenter.shape[0] != run.channels:
            raise InputError(
                f"{augmenter.folder}: its augmenter learned from pictures of {augmenter.shape[0]} channels, but the "
                f"learner's have {run.channels}; take one that was trained for such pictures"
            )
        return augmenter.augmenter
    own, theirs = augmenter.learner.on_features(), run.learner.on_features()
    assert own is not None  # its augmenter makes features
    if theirs is not None and not _alike(own[0], theirs[0]):
        raise InputError(
            f"{augmenter.folder}: its augmenter makes features of another encoder; judge the run that it was trained "
            f"for, {augmenter.folder}/learner, or train one for this run (--stage augmenter)"
        )
    return augmenter.augmenter


def classes_seen_by(augmenter: AugmenterRun, data: str, source: Source) -> int:
    """How many of the classes of a source, loaded from `data`, an augmenter was trained on; 0 where its data are gone.

    Args:
        augmenter: the augmenter's run.
        data: name of a data set, or path.
        source: what is to be judged on.
    """
    config = augmenter.run.config
    if replace(config, data=data).anchored().data != config.anchored().data:
        return 0
    try:
        sources = load_sources(config)
    except InputError:
        return 0
    trained = sources.augmenter or sources.training
    return len(set(trained.class_names) & set(source.class_names))


def _alike(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two encoders have the same weights."""
    first, second = one.state_dict(), other.state_dict()
    if first.keys() != second.keys():
        return False
    return all(
        first[name].shape == second[name].shape and torch.equal(first[name].cpu(), second[name].cpu()) for name in first
    )
