"""The report of a fit: how well it does on examples that it has not seen, and what it noticed in them."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from manyshot.classify.calibrate.operating_points import called_across, choose_points
from manyshot.classify.calibrate.temperature import cross_fitted_probabilities
from manyshot.classify.choose.candidates import NO_PLAN
from manyshot.classify.choose.choose_candidate import Choice
from manyshot.classify.choose.choose_names import NameChoice
from manyshot.classify.choose.cross_validate import stratified_folds
from manyshot.classify.choose.fit_decision import FitDecision
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.data_issues.find_duplicate_examples import find_duplicate_examples
from manyshot.classify.data_issues.label_issues import find_confusions, find_label_issues
from manyshot.classify.encode.plan_encoding import Encoding
from manyshot.classify.evaluate.accuracy_interval import accuracy_interval, interval_of_one_example
from manyshot.classify.evaluate.example_intervals import mean_estimate
from manyshot.classify.evaluate.metrics import Metrics, measure
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.fit_report import METRIC_WORDS, MOST_TRIED, FitReport, NamesUsed, PairedGain, Tried


def build_fit_report(
    examples: ExampleSet,
    labeled: LabeledFeatures,
    encoding: Encoding,
    decision: FitDecision,
    left_out: Float[np.ndarray, "n c"] | None,
    metric: str,
    seconds: float,
) -> FitReport:
    """Write the report of a fit.

    Args:
        examples: The examples.
        labeled: The same, encoded.
        encoding: What was encoded.
        decision: What was decided.
        left_out: Probabilities of each example by a fit of the chosen candidate without its fold; None without folds.
        metric: What candidates were compared by.
        seconds: How long the fit took.
    """
    choice, named, logits = decision.choice, decision.named, decision.logits
    labels, groups, seed = labeled.labels, labeled.groups, labeled.seed
    accuracy, interval = _accuracy(decision.correct, choice.folds, examples, groups)
    probabilities, fold = None, None
    if logits is not None:
        # Candidates differ between the outer splits, and so do the scales of their logits.
        fold = stratified_folds(labels, choice.folds, seed, groups)
        probabilities = cross_fitted_probabilities(logits, torch.from_numpy(labels), torch.from_numpy(fold))
    planned = any(one.plan != NO_PLAN for one in (*encoding.passes, *encoding.left_out))
    return FitReport(
        classes=examples.class_names,
        counts=tuple(np.bincount(labels, minlength=len(examples.class_names)).tolist()),
        names=examples.names,
        chosen=choice.candidate,
        why=_reason(choice, metric),
        tried=tuple(Tried(*one) for one in choice.tried[:MOST_TRIED]),
        considered=len(choice.tried),
        left_out=tuple(f"{one.encoder}: {one.plan}" for one in encoding.left_out),
        accuracy=accuracy,
        interval=interval,
        augmentation=gain_of(choice.correct, choice.correct_without, groups) if planned else None,
        names_used=_names_used(named, choice, groups) if named else None,
        suspects=[] if probabilities is None else find_label_issues(probabilities, labels),
        duplicates=find_duplicate_examples(examples),
        confusions=[] if probabilities is None else find_confusions(probabilities, labels),
        seconds=seconds,
        estimate=encoding.seconds,
        measures=None if probabilities is None or fold is None else measures_of(probabilities, labels, fold, groups),
        metric=metric,
        balanced=labeled.encoded.weights is not None,
        points=() if left_out is None else choose_points(left_out, labels),
    )


def _accuracy(
    correct: NDArray[np.float64] | None, folds: int, examples: ExampleSet, groups: NDArray[np.int64] | None
) -> tuple[float | None, tuple[float, float]]:
    if correct is None:
        return None, interval_of_one_example(len(examples.class_names))
    estimate = accuracy_interval(correct, (folds - 1) / folds, groups)
    return estimate.value, (estimate.low, estimate.high)


def measures_of(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    fold: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
) -> Metrics:
    """Measures on held-out examples; thresholds are judged on other folds than those that they come from.

    Args:
        probabilities: Probabilities `[n, c]` of held-out examples.
        labels: Their classes.
        fold: Part of each; examples of a group are in one.
        groups: Groups of the examples.
    """
    called = called_across(probabilities, labels, fold)
    return measure(probabilities, labels, groups, called)


def gain_of(
    correct: NDArray[np.float64] | None, without: NDArray[np.float64] | None, groups: NDArray[np.int64] | None
) -> PairedGain | None:
    """What one thing gained on held-out examples; None if nothing was held out.

    Args:
        correct: How often each was right with it.
        without: How often without.
        groups: Groups of the examples.
    """
    if correct is None or without is None:
        return None
    estimate = mean_estimate(correct - without, -1.0, 1.0, groups)
    return PairedGain(estimate.value, estimate.low, estimate.high)


def _names_used(named: NameChoice, choice: Choice, groups: NDArray[np.int64] | None) -> NamesUsed:
    return NamesUsed(
        strength=named.strength,
        agreement=named.agreement,
        right=named.right,
        gain=gain_of(named.correct, choice.correct, groups),
        wrong_names=gain_of(named.correct_wrong, choice.correct, groups),
    )


def _reason(choice: Choice, metric: str) -> str:
    if choice.by_prior:
        return "one or two examples of a class are too few to compare candidates by: this did best on other data sets"
    best = max((accuracy for _, accuracy, _ in choice.tried if accuracy is not None), default=0.0)
    own = choice.tried[0][1] or 0.0
    return (
        f"cross-validated {METRIC_WORDS[metric]} {own:.1%} (the highest of all {len(choice.tried)} candidates: "
        f"{best:.1%}), weighed with how candidates did on other data sets"
    )
