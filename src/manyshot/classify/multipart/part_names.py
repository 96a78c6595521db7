"""Names of classes beside examples of several parts: where they lie in each part, and whether they are used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.calibrate.temperature import logit_spread
from manyshot.classify.choose.candidate_prior import load_prior
from manyshot.classify.choose.choose_names import agreement_of, agrees, weakest_of_best
from manyshot.classify.choose.zero_shot_names import ClassDirections, class_directions
from manyshot.classify.encode.frozen_encoders import encoder_blocks
from manyshot.classify.heads import Transform
from manyshot.classify.multipart.part_heads import PartHeads, PartNames, PartRows
from manyshot.classify.multipart.parted_examples import FEATURES, KINDS

NEAREST = "nearest"
"""The head that has no logits to which inner products could be added."""


@dataclass(frozen=True, eq=False)
class SaidOfClasses:
    """What is said of classes, in the features of each part's encoders.

    Args:
        said: Directions by part; parts in whose features names cannot be placed are left out.
        encoders: Encoder of each part.
        kinds: Kind of each part.
    """

    said: Mapping[str, ClassDirections]
    encoders: Mapping[str, str]
    kinds: Mapping[str, str]

    def names_for(self, heads: PartHeads) -> PartNames:
        """The directions in the scaled features of a fit, with a factor of 1.

        Args:
            heads: The fit.
        """
        directions = {}
        for name, one in self.said.items():
            encoder, root = self.encoders[name], bool(heads.fused.scales[name].root)
            widths = [one.vectors[block].shape[1] for block in encoder_blocks(encoder)]
            rows = one.rows(encoder, Transform(power=0.5 if root else None), widths)
            directions[name] = F.normalize(rows, dim=1)
        return PartNames(directions)

    def of_others(self) -> "SaidOfClasses":
        """The control: each class is called as the next one."""
        return SaidOfClasses({name: one.of_others() for name, one in self.said.items()}, self.encoders, self.kinds)

    def strengths(self, heads: PartHeads, shots: float) -> tuple[list[float], list[float]]:
        """Strengths, and the gain that each is expected to give, for the part that counts most of those with names.

        Args:
            heads: The fit.
            shots: Examples of a class.
        """
        weights = heads.weights()
        heaviest = max(self.said, key=lambda name: weights[name])
        prior = load_prior(KINDS[self.kinds[heaviest]])
        strengths = sorted(float(text) for text in prior.names)
        return strengths, [prior.gain_of_names(strength, shots).mean for strength in strengths]


def said_of_classes(
    kinds: Mapping[str, str], encoders: Mapping[str, str], texts: Sequence[str]
) -> SaidOfClasses | None:
    """Where names lie in the features of each part; None if they cannot be placed in any.

    Args:
        kinds: Kind of each part.
        encoders: Encoder of each part that has one.
        texts: What is said of each class.
    """
    said = {}
    for name, kind in kinds.items():
        if kind != FEATURES:
            blocks = encoder_blocks(encoders[name])
            one = class_directions(KINDS[kind], blocks, texts)
            if one is not None and set(blocks) <= set(one.vectors):
                said[name] = one
    return SaidOfClasses(said, encoders, kinds) if said else None


@dataclass(frozen=True)
class NamesOfFit:
    """How names are used in one fit.

    Args:
        strength: Strength relative to the spread of the head's logits; 0 if names are not used.
        names: What they add; None if they are not used.
        wrong: What another class's name would add at the same strength.
        agreement: Standard deviations by which names agree better with the examples than names given out at random.
        right: Fraction of the examples that names alone classify right.
    """

    strength: float
    names: PartNames | None
    wrong: PartNames | None
    agreement: float
    right: float


def names_of_fit(
    said: SaidOfClasses, heads: PartHeads, rows: PartRows, labels: Int[Tensor, " n"], always: bool = False
) -> NamesOfFit:
    """Whether names are used in a fit, and how strongly.

    They are used if they agree with the examples better than names given out at random, and classify more of them right
    than chance does, as for examples of one part (`classify.choose.choose_names`). The strength is the one that
    gained most on other data sets.

    Args:
        said: What is said of the classes.
        heads: The fit, without names.
        rows: What it was fitted to.
        labels: Classes of its examples.
        always: Whether names are used even where they do not agree.
    """
    plain, own = rows.plain(), said.names_for(heads)
    terms = heads.name_logits(plain, own)
    told = (terms != 0).any(1)  # examples with a part in which names can be placed
    if not bool(told.any()):
        return NamesOfFit(0.0, None, None, 0.0, 0.0)
    scores, targets, ones = terms[told][None], labels[told], torch.ones(1, int(told.sum()), dtype=torch.float64)
    agreement = float(agreement_of(scores, targets, ones)[0])
    right = float((scores[0].argmax(1) == targets).double().mean())
    shots = float(np.median(np.bincount(labels.numpy(), minlength=heads.classes)))
    strengths, gains = said.strengths(heads, shots)
    strength = strengths[int(weakest_of_best(np.array([gains]))[0])]
    used = always or (bool(agrees(scores, targets, ones)[0]) and max(gains) > 0)
    if not used:
        return NamesOfFit(0.0, None, None, agreement, right)
    scale = strength * logit_spread(heads.logits(plain)[told]) / max(logit_spread(terms[told]), 1e-12)
    others = said.of_others().names_for(heads)
    return NamesOfFit(strength, PartNames(own.directions, scale), PartNames(others.directions, scale), agreement, right)
