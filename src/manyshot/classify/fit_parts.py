"""From a few examples of several parts to a finished classifier."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.classify.calibrate import fit_temperature, logit_spread
from manyshot.classify.choose_candidate import FOLDS
from manyshot.classify.fit_model import check_labels
from manyshot.classify.frozen_encoders import encoder_blocks, load_encoder
from manyshot.classify.honest_interval import honest_interval, interval_of_one_example
from manyshot.classify.part_encoding import encode_parted, encoders_of
from manyshot.classify.parted_examples import PartedExamples
from manyshot.classify.parts_model import PartsModel, fuse
from manyshot.classify.resample import stratified_folds
from manyshot.tasks import Parts

REPEATS = ((150, 5), (500, 2))
"""How often examples are divided into folds, for at most so many; once for more."""


@dataclass(frozen=True)
class PartsReport:
    """What came out of a fit to examples of several parts.

    Args:
        classes: Names of the classes.
        counts: Number of examples of each class.
        missing: How many examples lack each part.
        encoders: Encoder of each part that has one.
        weights: How much each part counts, for examples that have all; they add up to 1.
        accuracy: Expected accuracy on new examples like these; None if there is one example of a class.
        interval: Its 95 % interval.
        alone: Accuracy on examples held out with a part alone, of those that have it; None likewise.
        examples: Number of examples.
        seconds: How long the fit took.
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...]
    missing: dict[str, int]
    encoders: dict[str, str]
    weights: dict[str, float]
    accuracy: float | None
    interval: tuple[float, float]
    alone: dict[str, float] | None
    examples: int
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """The report for JSON."""
        return asdict(self)


def fit_parts(
    examples: PartedExamples,
    *,
    encoder: str = "auto",
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[PartsModel, PartsReport]:
    r"""Fit a classifier to a few labeled examples of several parts, of which any may be missing.

    Each part is encoded by a frozen encoder; `manyshot.learners.Fusion` weighs them by leave-one-out errors.

    Args:
        examples: Labeled examples.
        encoder: "auto", or encoders of parts or kinds, as "photo=efficientnet-lite2 texts=universal".
        seed: Seed of the folds.
        device: Device to encode on.
        progress: Called with a line of text when there is something to say.

    Returns:
        The model, and the report of the fit.

    Raises:
        InputError: If there are fewer than two classes, an example has no label, or an encoder does not suit a part.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from manyshot.classify.parted_examples import load_parted
        >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
        >>> rows = ["cat,it purrs,3", "cat,a tom purrs,4", "cat,,4", "dog,it barks,30", "dog,a bark,25", "dog,,28"]
        >>> _ = path.write_text("\n".join(["label,caption,weight", *rows]))
        >>> model, report = fit_parts(load_parted(path, kinds={"caption": "texts", "weight": "features"}))
        >>> report.missing, sorted(model.weights())
        ({'caption': 2, 'numbers': 0}, ['caption', 'numbers'])
    """
    start = time.monotonic()
    check_labels(examples.labels, examples.class_names, examples.names)
    encoders = encoders_of(examples, encoder)
    progress(f"encoding {len(examples):,} examples: " + ", ".join(f"{k} with {v}" for k, v in encoders.items()))
    means = column_means(examples.numbers)
    features = encode_parted(examples, encoders, means, device, "encode")
    labels, classes = torch.from_numpy(examples.labels), len(examples.class_names)
    groups = None if examples.groups is None else torch.from_numpy(examples.groups)
    held = _hold_out(features, examples.labels, classes, examples.groups, seed)
    fused = fuse(features, labels, classes, groups)
    spread = logit_spread(fused(features.both(lambda value: value[None]))[0])
    outputs = torch.zeros(0, classes) if held is None else held.outputs
    model = PartsModel(
        class_names=examples.class_names,
        kinds=dict(examples.kinds),
        encoders=encoders,
        fingerprints={name: fingerprint(value) for name, value in encoders.items()},
        number_names=examples.number_names,
        means=means,
        features=features,
        labels=labels,
        groups=groups,
        temperature=fit_temperature(outputs, labels[: len(outputs)], spread),
        names=examples.names,
        report={},
    )
    accuracy, interval = None, interval_of_one_example(classes)
    if held is not None:
        estimate = honest_interval(held.correct, (held.folds - 1) / held.folds, examples.groups)
        accuracy, interval = estimate.value, (estimate.low, estimate.high)
    report = PartsReport(
        classes=examples.class_names,
        counts=tuple(np.bincount(examples.labels, minlength=classes).tolist()),
        missing=examples.missing(),
        encoders=encoders,
        weights=model.weights(),
        accuracy=accuracy,
        interval=interval,
        alone=None if held is None else held.alone,
        examples=len(examples),
        seconds=time.monotonic() - start,
    )
    return model.with_report(report.as_dict()), report


def fingerprint(encoder: str) -> str:
    """What identifies the weights of an encoder, or of several.

    Args:
        encoder: Name; several are joined by "+".
    """
    return "+".join(load_encoder(block).fingerprint for block in encoder_blocks(encoder))


def column_means(numbers: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Mean of each column of numbers over what is known; 0 where nothing is.

    Args:
        numbers: Numbers `[n, d]` with NaN, or None.

    Example:
        >>> column_means(np.array([[1.0, np.nan], [3.0, np.nan]])).tolist()
        [2.0, 0.0]
    """
    if numbers is None:
        return np.zeros(0)
    known = ~np.isnan(numbers)
    means: NDArray[np.float64] = np.where(known, numbers, 0).sum(0) / np.maximum(known.sum(0), 1)
    return means


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Outputs `[n, c]` for held-out examples, how often each was right `[n]`, and accuracy by each part alone."""

    outputs: Tensor
    correct: NDArray[np.float64]
    alone: dict[str, float]
    folds: int


def _hold_out(
    features: Parts, labels: NDArray[np.int64], classes: int, groups: NDArray[np.int64] | None, seed: int
) -> _HeldOut | None:
    """Judge the fit on examples that it does not see, by repeated folds; None if a class has one example (or group)."""
    units = labels if groups is None else labels[np.unique(np.stack([labels, groups]), axis=1, return_index=True)[1]]
    folds = min(int(np.median(np.bincount(units, minlength=classes))), FOLDS)
    if folds < 2:
        return None
    n, repeats = len(labels), next((times for most, times in REPEATS if len(labels) <= most), 1)
    outputs, correct = torch.zeros(n, classes, dtype=torch.float64), np.zeros(n)
    hits = {name: np.zeros(n) for name in features.names}
    for repeat in range(repeats):
        fold = stratified_folds(labels, folds, seed + repeat, groups)
        for index in range(folds):
            train, test = np.flatnonzero(fold != index), np.flatnonzero(fold == index)
            if not len(test):
                continue
            own = None if groups is None else torch.from_numpy(groups[train])
            fused = fuse(features[train], torch.from_numpy(labels[train]), classes, own)
            query = features[test].both(lambda value: value[None])
            found = fused(query)[0]
            outputs[test] += found / repeats
            correct[test] += (found.argmax(1).numpy() == labels[test]) / repeats
            for name in features.names:
                off = {other: query.there[other] & (other == name) for other in features.names}
                answers = fused(Parts(query.values, off))[0].argmax(1).numpy()
                hits[name][test] += (answers == labels[test]) / repeats
    alone = {
        name: float(hits[name][mask].mean()) for name in features.names if (mask := features.there[name].numpy()).any()
    }
    return _HeldOut(outputs, correct, alone, folds)
