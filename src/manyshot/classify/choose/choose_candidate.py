"""Choose among candidates by what is known of them and by how they do on the user's own examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import track
from manyshot.classify.choose.candidate_prior import Prior
from manyshot.classify.choose.candidates import LEARNED, Candidate
from manyshot.classify.choose.choice_metric import values_of
from manyshot.classify.choose.comparison_cost import seconds_to_compare
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.encode.encoded_examples import EncodedExamples

FOLDS = 5
"""Most folds of inner and outer splits."""
LEAST_TO_CHOOSE = 3
"""Examples per class from which on candidates are compared: with two, only one would remain for the inner selection."""
CAUTION = 1.0
"""Standard deviations between data sets that are taken off a gain where candidates cannot be compared: what
is best on average may be far worse on some data. On the public data sets, each with what is known from the others, 0,
0.5 and 1 cannot be told apart; 1 is the most careful of them."""
USUAL_VARIANCE, VARIANCE_WEIGHT = 0.15, 8.0
"""Variance of an example's difference between two candidates, and how many examples it counts for: the variance that
few examples show is often 0 by chance."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The candidate that was chosen, and how well the whole procedure did on examples that it had not seen.

    Args:
        candidate: The candidate.
        by_prior: Whether there were too few examples to compare candidates (one or two of a class), so that what did
            best on other data was taken.
        tried: Candidates with their cross-validated accuracy (None if it could not be had) and expected accuracy
            gain over the first guess, best first.
        logits: Logits `[n, c]` of each example by the procedure (choice and fit) on other examples, the mean over
            repeated outer splits; None if there are too few examples.
        folds: Parts into which examples, or groups, are split to hold them out; 0 if nothing was held out.
        correct: Fraction `[n]` of the outer splits that leave an example out in which it was classified right.
        correct_without: The same without augmentation; where every candidate augments, of the same without variants.
        training: 1 or 0 `[B, n]`: all examples, then those of each outer split that are not left out.
        picked: The candidate that was chosen in each of them.
    """

    candidate: Candidate
    by_prior: bool
    tried: Sequence[tuple[Candidate, float | None, float]]
    logits: Float[Tensor, "n c"] | None
    folds: int
    correct: NDArray[np.float64] | None
    correct_without: NDArray[np.float64] | None
    training: NDArray[np.float64]
    picked: Sequence[Candidate]


@dataclass(frozen=True)
class Effort:
    """How many splits are made.

    Args:
        outer: Repetitions of the outer splits, which judge.
        inner: Repetitions of the inner splits, which choose.
        most: Number of candidates that are compared, the most promising first.
    """

    outer: int
    inner: int
    most: int


EFFORTS = (
    (150, Effort(outer=3, inner=3, most=1000)),
    (400, Effort(outer=2, inner=2, most=1000)),
    (800, Effort(outer=1, inner=2, most=1000)),
    (2000, Effort(outer=1, inner=1, most=24)),
    (math.inf, Effort(outer=1, inner=1, most=8)),
)
"""What is done for at most so many rows (examples and variants)."""


def choose(
    examples: LabeledFeatures,
    candidates: Sequence[Candidate],
    prior: Prior,
    effort: Effort | None = None,
    metric: str = "accuracy",
    budget: float = math.inf,
) -> Choice:
    """Choose a candidate, and judge the choice by nested repeated stratified resampling.

    The expected gain of a candidate is the mean of its gain on other data sets and its cross-validated gain on these
    examples, each weighted by its precision (an empirical Bayes estimate): with few examples the first decides, with
    many the second. Outer splits repeat the choice and the fit without the examples that they judge.

    Args:
        examples: The n examples.
        candidates: What may be chosen.
        prior: Gains on other data sets.
        effort: How many splits are made; by the number of examples if None. Without outer splits nothing is judged.
        metric: What candidates are compared by on these examples, one of `choice_metric.METRICS`.
            What is known from other data sets are gains of accuracy in any case.
        budget: Seconds that comparing may take; what does not fit into it is not compared, the least promising first.
    """
    parts = int(np.median(examples.group_counts()))
    if parts < LEAST_TO_CHOOSE:  # the learned mix is the best of all on drawings, and by far the worst on photographs
        candidates = [one for one in candidates if one.setting.variants != LEARNED] or candidates
    gains = [prior.gain_of(candidate, examples.shots) for candidate in candidates]
    mean, sd = np.array([gain.mean for gain in gains]), np.array([gain.sd for gain in gains])
    cautious = mean - CAUTION * sd
    if parts < 2:
        return _first_guess(candidates, cautious, 0, None, None, None, np.ones((1, len(examples))))
    folds = min(parts, FOLDS)
    plain = np.array([not candidate.setting.variants for candidate in candidates])
    effort = effort or effort_of(examples.encoded, candidates)
    training = _outer_training_sets(examples, folds, effort.outer)
    if parts < LEAST_TO_CHOOSE:
        scores = np.broadcast_to(cautious, (len(training), len(candidates)))
        logits, correct = _judge(examples, candidates, training, scores.argmax(1))
        without = _judge_plain(examples, candidates, training, scores)
        return _first_guess(candidates, cautious, folds, logits, correct, without, training)
    kept = plan_comparison(examples, candidates, prior, effort, budget)
    candidates, mean, sd, plain = [candidates[i] for i in kept], mean[kept], sd[kept], plain[kept]
    right = _cross_validate(examples, candidates, training, folds, effort.inner, metric)
    first = int(mean.argmax())
    expected = np.stack([expected_gain(right[:, b, training[b] > 0], mean, sd, first) for b in range(len(training))])
    best = expected.argmax(1)
    logits, correct = _judge(examples, candidates, training, best)
    without = _judge_plain(examples, candidates, training, expected)
    order = np.argsort(-expected[0], kind="stable")
    tried = [(candidates[i], float(right[i, 0].mean()), float(expected[0, i])) for i in order]
    picked = [candidates[i] for i in (order[0], *best[1:])]
    return Choice(tried[0][0], False, tried, logits, folds, correct, without, training, picked)


def _first_guess(
    candidates: Sequence[Candidate],
    gains: NDArray[np.float64],
    folds: int,
    logits: Tensor | None,
    correct: NDArray[np.float64] | None,
    without: NDArray[np.float64] | None,
    training: NDArray[np.float64],
) -> Choice:
    """The choice of what did well on other data, and badly on none."""
    order = np.argsort(-gains, kind="stable")
    tried = [(candidates[i], None, float(gains[i] - gains[order[0]])) for i in order]
    first = candidates[order[0]]
    return Choice(first, True, tried, logits, folds, correct, without, training, [first] * len(training))


def plan_comparison(
    examples: LabeledFeatures,
    candidates: Sequence[Candidate],
    prior: Prior,
    effort: Effort | None = None,
    budget: float = math.inf,
) -> list[int]:
    """Choose which candidates to compare: the most promising ones that fit into a budget.

    The best without augmentation is one of them, whatever it costs; so is the most promising of all where every
    candidate augments.

    Args:
        examples: The examples; of their features only the shapes are looked at.
        candidates: What may be chosen.
        prior: Gains on other data sets.
        effort: How many splits are made; by the number of examples if None.
        budget: Seconds.

    Returns:
        Indices of the candidates, in their order.
    """
    effort = effort or effort_of(examples.encoded, candidates)
    gains = [prior.gain_of(candidate, examples.shots) for candidate in candidates]
    scores = np.array([gain.mean + gain.sd for gain in gains])
    plain = np.array([not candidate.setting.variants for candidate in candidates])
    needed = int((np.where(plain, scores, -np.inf) if plain.any() else scores).argmax())

    def seconds(kept: Sequence[int]) -> float:
        return estimate_comparison(examples, [candidates[i] for i in kept], effort)

    kept, taken = [needed], 0
    limit = math.inf if math.isinf(budget) else max(budget, seconds(kept))
    for index in np.argsort(-scores, kind="stable").tolist():
        wanted = kept if index == needed else [*kept, index]
        if taken < effort.most and (math.isinf(limit) or seconds(wanted) <= limit):
            kept, taken = wanted, taken + 1
    return sorted(kept)


def estimate_comparison(
    examples: LabeledFeatures, candidates: Sequence[Candidate], effort: Effort | None = None
) -> float:
    """Seconds that it takes on this machine to compare candidates and to judge the one that is chosen.

    Args:
        examples: The examples; of their features only the shapes are looked at.
        candidates: What is compared.
        effort: How many splits are made; by the number of examples if None.
    """
    parts = int(np.median(examples.group_counts()))
    effort = effort or effort_of(examples.encoded, candidates)
    sets = 1 + effort.outer * min(parts, FOLDS) if parts > 1 else 1
    return seconds_to_compare(examples.encoded, candidates, sets, effort.inner if parts >= LEAST_TO_CHOOSE else 0)


def effort_of(encoded: EncodedExamples, candidates: Sequence[Candidate]) -> Effort:
    """As many splits and candidates as a minute or two allow."""
    rows = len(encoded) * (1 + max(candidate.setting.copies for candidate in candidates))
    return next(effort for most_rows, effort in EFFORTS if rows <= most_rows)


def _outer_training_sets(examples: LabeledFeatures, folds: int, repeats: int) -> NDArray[np.float64]:
    """All examples, then those of each outer split: 1 or 0, `[1 + repeats * folds, n]`."""
    rows = [np.ones(len(examples))]
    for repeat in range(repeats):
        fold = examples.folds(folds, 2 * (examples.seed + repeat) + 1).numpy()
        rows += [(fold != index).astype(np.float64) for index in range(folds)]
    return np.stack(rows)


def _cross_validate(
    examples: LabeledFeatures,
    candidates: Sequence[Candidate],
    training: NDArray[np.float64],
    folds: int,
    repeats: int,
    metric: str,
) -> NDArray[np.float64]:
    """How right each example of each training set is without its fold, by the metric, `[candidates, B, n]`."""
    correct = np.zeros((len(candidates), *training.shape))
    for repeat in track(range(repeats), "compare candidates"):
        fold = examples.folds(folds, 2 * (examples.seed + repeat))
        for index, logits in examples.left_out_logits(candidates, torch.from_numpy(training), fold):
            correct[index] += values_of(logits.numpy(), examples.labels, training, metric) / repeats
    return correct


def expected_gain(
    correct: NDArray[np.float64], prior_mean: NDArray[np.float64], prior_sd: NDArray[np.float64], first: int
) -> NDArray[np.float64]:
    """Expected gain of each of several classifiers over one of them, from other data and cross-validation.

    Args:
        correct: How often `[m, n]` each of m classifiers is right on each of n examples.
        prior_mean: Gain `[m]` on other data, on a scale that all share.
        prior_sd: Its standard deviation between data sets `[m]`.
        first: Index of the one that the others are compared with.

    Example:
        >>> correct = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> expected_gain(correct, np.zeros(2), np.full(2, 0.1), 0).round(3)
        array([0. , 0.1])
    """
    difference = correct - correct[first]
    n = difference.shape[1]
    variance = (difference.var(1) * n + USUAL_VARIANCE * VARIANCE_WEIGHT) / (n + VARIANCE_WEIGHT)
    here, before = n / variance, 1 / np.maximum(prior_sd, 1e-3) ** 2
    return np.asarray((difference.mean(1) * here + (prior_mean - prior_mean[first]) * before) / (here + before))


def _judge_plain(
    examples: LabeledFeatures,
    candidates: Sequence[Candidate],
    training: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """How often each example is classified right without augmentation, by the best `[B, candidates]` without it."""
    plain = np.array([not candidate.setting.variants for candidate in candidates])
    if plain.any():
        return _judge(examples, candidates, training, np.where(plain, scores, -np.inf).argmax(1))[1]
    twins = [replace(one, setting=replace(one.setting, variants=(), views=False)) for one in candidates]
    return _judge(examples, twins, training, scores.argmax(1))[1]


def _judge(
    examples: LabeledFeatures,
    candidates: Sequence[Candidate],
    training: NDArray[np.float64],
    chosen: NDArray[np.int64],
) -> tuple[Float[Tensor, "n c"] | None, NDArray[np.float64] | None]:
    """Mean logits of each example over the outer splits that leave it out, and how often it is classified right."""
    if len(training) == 1:
        return None, None
    total = torch.zeros(len(examples), examples.classes, dtype=torch.float64)
    right, count = np.zeros(len(examples)), (training == 0).sum(0)
    for candidate in np.unique(chosen[1:]):
        splits = 1 + np.flatnonzero(chosen[1:] == candidate)
        sets = torch.from_numpy(training[splits])
        ((_, logits),) = examples.left_out_logits([candidates[candidate]], sets)
        left_out = sets == 0
        total += torch.where(left_out[..., None], logits.clamp_min(-1e3), 0.0).sum(0)
        right += ((logits.argmax(-1) == examples.targets) & left_out).sum(0).numpy()
    return total / torch.from_numpy(count)[:, None], right / count
