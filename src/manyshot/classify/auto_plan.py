"""The plan that `--plan auto` chooses for the pictures of an example set."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.meta_augment.auto.advise import Advice, advise, to_pictures
from manyshot.meta_augment.auto.menu import SIDE

MOST_OF_A_CLASS = 20
"""Pictures of a class that are decoded."""


def choose_auto_plan(examples: ExampleSet, seed: int = 0) -> Advice:
    """Look at the pictures of an example set and choose a plan for them; see `manyshot.auto_plan`.

    Args:
        examples: Labeled pictures.
        seed: Seed of the variants that are looked at, and of the pictures if there are many.

    Raises:
        InputError: If they are sentences, or of fewer than two classes.
    """
    if examples.kind != "pictures":
        raise InputError("plan 'auto' looks at pictures, and these are sentences; give a plan such as 'shots: reword'")
    order = np.random.default_rng(seed).permutation(len(examples))
    labels = examples.labels
    rows = np.concatenate([order[labels[order] == label][:MOST_OF_A_CLASS] for label in np.unique(labels)])
    advice = advise(examples.pictures(rows, SIDE), labels[rows], seed=seed)
    return replace(advice, side=min(examples.original(int(rows[0])).shape[1:]))


def shown_pictures(examples: ExampleSet, most: int = 8) -> Float[Tensor, "n 3 s s"]:
    """A few pictures, of as many classes as possible, as `auto` sees them.

    Args:
        examples: Labeled pictures.
        most: How many.
    """
    place = np.zeros(len(examples), dtype=np.int64)
    for label in np.unique(examples.labels):
        members = np.flatnonzero(examples.labels == label)
        place[members] = np.arange(len(members))
    rows = np.argsort(place, kind="stable")[:most]
    return to_pictures(examples.pictures(rows[np.argsort(examples.labels[rows], kind="stable")], SIDE))
