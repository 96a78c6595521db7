"""The plan that `--plan auto` chooses for the pictures of an example set."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.meta_augment.auto.auto_plan import Advice, advise, choose_plan, to_pictures
from manyshot.meta_augment.auto.candidate_ops import SIDE

MOST_OF_A_CLASS = 20
"""Pictures of a class that are decoded."""


def choose_auto_plan(examples: ExampleSet, seed: int = 0) -> Plan:
    """Choose a plan for the pictures of an example set; see `manyshot.auto_plan`.

    Args:
        examples: Labeled pictures.
        seed: Seed of the choice of pictures if there are many.

    Raises:
        InputError: If they are no pictures, or of fewer than two classes.
    """
    rows = _rows(examples, seed)
    return choose_plan(lambda: examples.pictures(rows, SIDE), examples.labels[rows], _side(examples, rows))


def explain_auto_plan(examples: ExampleSet, seed: int = 0) -> Advice:
    """Look at the pictures of an example set, choose the plan of `choose_auto_plan`, and say what was seen.

    Args:
        examples: Labeled pictures.
        seed: Seed of the variants that are looked at, and of the pictures if there are many.

    Raises:
        InputError: If they are no pictures, or of fewer than two classes.
    """
    rows = _rows(examples, seed)
    advice = advise(examples.pictures(rows, SIDE), examples.labels[rows], seed=seed)
    return replace(advice, side=_side(examples, rows))


def _rows(examples: ExampleSet, seed: int) -> NDArray[np.int64]:
    """The pictures that may be looked at."""
    if examples.kind != "pictures":
        raise InputError(f"plan 'auto' is for pictures, and these are {examples.kind}; name the ops or a preset")
    order = np.random.default_rng(seed).permutation(len(examples))
    labels = examples.labels
    return np.concatenate([order[labels[order] == label][:MOST_OF_A_CLASS] for label in np.unique(labels)])


def _side(examples: ExampleSet, rows: NDArray[np.int64]) -> int:
    return min(examples.original(int(rows[0])).shape[1:])


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
