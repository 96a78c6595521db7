"""From a few examples of each class to a finished classifier."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.classify.build_fit_report import build_fit_report
from manyshot.classify.calibrate.temperature import left_out_probabilities
from manyshot.classify.calibrate.unknown_detector import UnknownDetector
from manyshot.classify.choose.candidate_prior import load_prior
from manyshot.classify.choose.choice_metric import check_choice_metric
from manyshot.classify.choose.choose_candidate import LEAST_TO_CHOOSE, estimate_comparison, plan_comparison
from manyshot.classify.choose.fit_decision import NAMES, FitDecision, decide
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.search_space import AUTO, SearchSpace
from manyshot.classify.encode.frozen_encoders import encoder_blocks, load_encoder
from manyshot.classify.encode.plan_encoding import Encoding, encode_passes, plan_encoding
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.fit_report import FitReport
from manyshot.classify.heads import Linear
from manyshot.classify.model.model import Model, Reference


def fit_model(
    examples: ExampleSet,
    *,
    encoder: str = AUTO,
    head: str = AUTO,
    plan: str = AUTO,
    mirror: bool = True,
    balance: bool = False,
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
        plan: Ops that make variants of the examples, such as "flip affine(10)"; "learned" for the mix of ops that the
            augmenter `auto` starts from; "none" for no augmentation; "auto" to choose.
        mirror: Whether mirrored pictures may be tried, if the plan is "auto"; not where left and right mean something,
            as on X-rays.
        balance: Whether all classes weigh the same, so that examples of a rare class, and their variants, weigh more;
            probabilities are then those of classes that are equally frequent.
        names: Whether what is said of classes is used beside their examples: "auto" where names agree with the examples
            and what is known of them says that it pays, "none" or "always". Without a classifier of the encoder's own,
            an encoder of sentences or, for recordings, eSpeak NG, names are not used.
        about: What is said of each class, in the order of the classes; their names if None.
        metric: What candidates are compared by on these examples: "accuracy"; or "balanced-accuracy" or "auroc", under
            which a rare class counts as much as a frequent one.
        budget: Seconds that encoding may take, and that comparing candidates may. The examples as they are are encoded
            in any case, and compared by the most promising candidate.
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
    few = bool(np.median(np.bincount(examples.labels)) < LEAST_TO_CHOOSE)
    search = SearchSpace.of(examples.kind, encoder, head, plan, few, mirror)
    encoding = plan_encoding(examples, search.encoders, search.together, budget, seed)
    shapes = LabeledFeatures(encoding.shapes(len(examples)), examples.labels, _groups(examples), seed)
    candidates = search.candidates(shapes.encoded, examples.kind)
    kept = plan_comparison(shapes, candidates, load_prior(examples.kind), budget=budget)
    comparing = estimate_comparison(shapes, [candidates[index] for index in kept])
    progress(_announcement(examples, encoding, 1 if few else len(kept), comparing))
    encoded = encode_passes(examples, encoding.passes, seed, device)
    labeled = replace(shapes, encoded=encoded.balanced(examples.labels) if balance else encoded)
    about = examples.class_texts if about is None else about
    decision = decide(labeled, examples.kind, candidates, names, about, metric, progress, budget)
    model = _model(labeled, examples, decision)
    candidate, temperature, folds = decision.candidate, decision.temperature, decision.choice.folds
    left_out = left_out_probabilities(labeled, candidate, temperature, folds, decision.term)
    seconds = time.monotonic() - start
    encoding = replace(encoding, seconds=encoding.seconds + comparing)
    report = build_fit_report(examples, labeled, encoding, decision, left_out, metric, seconds)
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


def _announcement(examples: ExampleSet, encoding: Encoding, compared: int, comparing: float) -> str:
    encoders = list(dict.fromkeys(one.encoder for one in encoding.passes))
    views = sum(one.copies for one in encoding.passes) // len(encoders)
    what = f"{len(examples):,} {examples.kind}" + (f", {views} views of each" if views > 1 else "")
    then = f"; then comparing {compared} candidates: {_about(comparing)}" if compared > 1 else ""
    return f"encoding {what}, with {' and '.join(encoders)}: {_about(encoding.seconds)}{then}"


def _about(seconds: float) -> str:
    return f"about {seconds / 60:.0f} minutes" if seconds > 90 else f"about {max(seconds, 1):.0f} s"


def _groups(examples: ExampleSet) -> NDArray[np.int64] | None:
    """The examples' groups; without any, exact duplicates are groups, so that none is judged by its own copy."""
    if examples.groups is not None or len(set(examples.digests)) == len(examples):
        return examples.groups
    return np.unique(np.array(examples.digests), return_inverse=True)[1].astype(np.int64)


def _model(labeled: LabeledFeatures, examples: ExampleSet, decision: FitDecision) -> Model:
    """Fit transform, head and detector to all examples."""
    candidate, term = decision.candidate, decision.term
    setting, encoders = candidate.setting, encoder_blocks(candidate.encoder)
    encoded, groups = labeled.encoded, labeled.groups
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
        temperature=decision.temperature,
        unknown=UnknownDetector.fit([block[::each] for block in rows], labels, groups=own_groups),
        views=setting.variants if setting.views else (),
        candidate=candidate,
        report={},
        reference=Reference(plain.float(), labels, examples.names),
    )
