"""Whether what is said of classes is used beside their examples, how strongly, and what that gains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.calibrate.temperature import logit_spread
from manyshot.classify.choose.candidate_prior import Prior
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.choose_candidate import Choice, expected_gain
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.zero_shot_names import ClassDirections

LEAST_AGREEMENT = 0.99
"""Standard deviations by which names must agree better with the examples than names given out at random; with two
classes there are two ways to give them out, at 1 and -1."""
HARDLY = 0.002
"""Difference of expected gains below which the weaker of two strengths is taken."""
ABOVE_CHANCE = 1.0
"""Standard deviations by which names alone must classify more of the examples right than chance does."""


@dataclass(frozen=True, eq=False)
class NameChoice:
    """How names of classes are used.

    logits = head(x) + strength * (spread of the head's logits / spread of N(x)) * N(x)

    with N(x) the inner products of the features with the directions of `ClassDirections`, and spreads over the training
    examples. The strength is relative, so that it means the same for all heads.

    Args:
        strength: Strength; 0 if names are not used.
        scale: Strength times the ratio of the spreads, for all examples.
        agreement: Standard deviations by which the names agree better with the examples than names given to classes at
            random.
        right: Fraction of the examples that the names alone classify right: they were fitted to none of them.
        logits: Logits `[n, c]` of held-out examples; None if nothing was held out.
        correct: How often `[n]` each example was classified right when held out, by the whole procedure with names.
        correct_wrong: The same with each class named as another, at the same strengths.
    """

    strength: float
    scale: float
    agreement: float
    right: float
    logits: Float[Tensor, "n c"] | None
    correct: NDArray[np.float64] | None
    correct_wrong: NDArray[np.float64] | None


def choose_names(
    examples: LabeledFeatures, choice: Choice, said: ClassDirections, prior: Prior, always: bool = False
) -> NameChoice | None:
    """Decide on names for the candidate that was chosen without them, in each training set of the nested resampling.

    The choice without names stays as it is. Names are used if they agree with the training examples better than names
    given at random do, and classify more of them right than chance does, by a standard deviation each. How strongly is
    chosen from the gains at each strength on other data sets, with those in cross-validation on these examples where
    each class has three or more.

    Args:
        examples: The n examples.
        choice: What was chosen without names.
        said: Directions of the classes.
        prior: Gains of strengths on other data sets.
        always: Whether names are used even where they do not agree with the examples.

    Returns:
        The choice; None if nothing is said in the space of the encoder, or its head is not linear.
    """
    if not said.covers(choice.candidate) or choice.candidate.setting.head.startswith("nearest"):
        return None
    targets, training = examples.targets, torch.from_numpy(choice.training)
    strengths = sorted(float(text) for text in prior.names)
    gains = [prior.gain_of_names(strength, examples.shots) for strength in strengths]
    mean, sd = np.array([gain.mean for gain in gains]), np.array([gain.sd for gain in gains])
    n = len(examples)
    total = torch.zeros(n, examples.classes, dtype=torch.float64)
    right, right_wrong, first = np.zeros(n), np.zeros(n), (0.0, 0.0, 0.0, 0.0)
    for candidate in dict.fromkeys(choice.picked):
        rows = np.flatnonzero([one == candidate for one in choice.picked])
        sets = training[rows]
        terms = Terms.of(examples, candidate, sets, said)
        scores = np.tile(mean, (len(rows), 1))
        if choice.folds and not choice.by_prior:
            scores = _compare(examples, terms, strengths, mean, sd, choice.folds)
        best = np.array(strengths)[weakest_of_best(scores)]
        used = agrees(terms.said, targets, sets).numpy() & (scores.max(1) > 0)
        chosen = torch.from_numpy(np.where(used | always, best, 0.0))
        logits = terms.own + (chosen * terms.ratio)[:, None, None] * terms.said
        others = said.of_others().logits(examples.encoded, candidate, sets)
        wrong = terms.own + (chosen * terms.ratio)[:, None, None] * others
        left_out = sets == 0
        total += torch.where(left_out[..., None], logits.clamp_min(-1e3), 0.0).sum(0)
        right += ((logits.argmax(-1) == targets) & left_out).sum(0).numpy()
        right_wrong += ((wrong.argmax(-1) == targets) & left_out).sum(0).numpy()
        if rows[0] == 0:
            first = (float(chosen[0]), float(chosen[0] * terms.ratio[0]), *_evidence(terms.said, targets, sets))
    count = (choice.training == 0).sum(0)
    if choice.correct is None:
        return NameChoice(*first, None, None, None)
    logits = total / torch.from_numpy(count)[:, None]
    return NameChoice(*first, logits, right / count, right_wrong / count)


@dataclass(frozen=True, eq=False)
class Terms:
    """Logits `[B, n, c]` of the head in each training set, those of the names, and the ratio `[B]` of spreads."""

    candidate: Candidate
    training: Tensor
    own: Tensor
    said: Tensor
    ratio: Tensor

    @staticmethod
    def of(examples: LabeledFeatures, candidate: Candidate, training: Tensor, said: ClassDirections) -> "Terms":
        """Fit the head to each training set.

        Args:
            examples: The n examples.
            candidate: What is fitted.
            training: 1 `[B, n]` for the examples of each training set, 0 for the others.
            said: Directions of the classes.
        """
        ((_, own),) = examples.left_out_logits([candidate], training)
        terms = said.logits(examples.encoded, candidate, training)
        ratio = [
            logit_spread(one[seen]) / max(logit_spread(other[seen]), 1e-12)
            for one, other, seen in zip(own, terms, training > 0, strict=True)
        ]
        return Terms(candidate, training, own, terms, torch.tensor(ratio, dtype=torch.float64))


def weakest_of_best(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first of the strengths whose expected gain is hardly below that of the best.

    Args:
        scores: Expected gains `[B, strengths]`, the weakest first.

    Example:
        >>> weakest_of_best(np.array([[0.010, 0.040, 0.041, -0.02]]))
        array([1])
    """
    return np.asarray((scores >= scores.max(1, keepdims=True) - HARDLY).argmax(1))


def agrees(
    said: Float[Tensor, "b n c"], labels: Int[Tensor, " n"], training: Float[Tensor, "b n"]
) -> Bool[Tensor, " b"]:
    """Whether names agree with the examples of each training set, see `choose_names`.

    Args:
        said: Scores `[B, n, c]` of the names.
        labels: Class `[n]` of each example.
        training: 1 `[B, n]` for the examples of each training set, 0 for the others.
    """
    chance = 1 / said.shape[2]
    enough = chance + ABOVE_CHANCE * (chance * (1 - chance) / training.sum(1)).sqrt()
    agreement = agreement_of(said, labels, training)
    return (agreement >= LEAST_AGREEMENT) & (_right(said, labels, training) >= enough)


def _right(said: Tensor, labels: Tensor, training: Tensor) -> Float[Tensor, " b"]:
    """Fraction of the examples of each training set that names alone classify right."""
    return ((said.argmax(2) == labels) * training).sum(1) / training.sum(1)


def _evidence(said: Tensor, labels: Tensor, training: Tensor) -> tuple[float, float]:
    """Agreement and fraction that is right, of the first training set."""
    return float(agreement_of(said, labels, training)[0]), float(_right(said, labels, training)[0])


def _compare(
    examples: LabeledFeatures,
    terms: Terms,
    strengths: Sequence[float],
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    folds: int,
) -> NDArray[np.float64]:
    """Expected gain `[B, strengths]` over doing without names, from other data and cross-validation here."""
    fold = examples.folds(folds, 2 * examples.seed)
    ((_, plain),) = examples.left_out_logits([terms.candidate], terms.training, fold)
    correct = np.stack(
        [
            ((plain + (strength * terms.ratio)[:, None, None] * terms.said).argmax(-1) == examples.targets)
            .double()
            .numpy()
            for strength in (0.0, *strengths)
        ]
    )
    seen = terms.training.numpy() > 0
    # The first of what is compared is the reference: doing without names, whose gain is 0 for certain.
    means, sds = np.array([0.0, *mean]), np.array([0.0, *sd])
    return np.stack([expected_gain(correct[:, b, seen[b]], means, sds, 0)[1:] for b in range(len(seen))])


def agreement_of(
    said: Float[Tensor, "b n c"], labels: Int[Tensor, " n"], training: Float[Tensor, "b n"]
) -> Float[Tensor, " b"]:
    """By how many standard deviations names agree better with their classes than names given out at random.

    With s_kj the mean score of name j on the training examples of class k, T = sum_k s_kk is compared with its mean and
    standard deviation over all permutations of the names (Hoeffding 1951), which have a closed form.

    Args:
        said: Scores `[B, n, c]` of the names.
        labels: Class `[n]` of each example.
        training: 1 `[B, n]` for the examples of each training set, 0 for the others.

    Example:
        >>> scores = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> agreement_of(scores, torch.arange(3), torch.ones(1, 3)).round(decimals=2)
        tensor([1.9200], dtype=torch.float64)
    """
    classes = said.shape[2]
    members = training.double()[..., None] * F.one_hot(labels, classes)
    scores = members.mT @ said.double() / members.sum(1)[..., None].clamp(min=1)
    centered = scores - scores.mean(1, keepdim=True) - scores.mean(2, keepdim=True) + scores.mean((1, 2), keepdim=True)
    variance = centered.square().sum((1, 2)) / max(classes - 1, 1)
    return centered.diagonal(dim1=1, dim2=2).sum(1) / variance.clamp(min=1e-24).sqrt()
