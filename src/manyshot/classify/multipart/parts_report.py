"""What a fit to examples of several parts found out about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from manyshot.classify.build_fit_report import gain_of, measures_of
from manyshot.classify.calibrate.operating_points import OperatingPoint, choose_points
from manyshot.classify.calibrate.temperature import cross_fitted_probabilities
from manyshot.classify.choose.candidates import Candidate, Setting
from manyshot.classify.choose.cross_validate import stratified_folds
from manyshot.classify.data_issues.find_duplicate_examples import DuplicateExamples
from manyshot.classify.data_issues.label_issues import find_confusions, find_label_issues
from manyshot.classify.evaluate.accuracy_interval import accuracy_interval, interval_of_one_example
from manyshot.classify.fit_report import FitReport, NamesUsed, Tried
from manyshot.classify.heads import Transform
from manyshot.classify.multipart.part_hold_out import HeldOut
from manyshot.classify.multipart.part_names import NamesOfFit
from manyshot.classify.multipart.parted_examples import PartedExamples
from manyshot.classify.multipart.parts_model import PartsModel

WHY = (
    "how much each part counts comes from leave-one-out errors of ridge regression on these examples, where there are "
    "few also from how much they differ in each part; nothing else was compared"
)


@dataclass(frozen=True)
class PartsReport:
    """What came out of a fit to examples of several parts.

    Args:
        fit: What reports of examples of one part say as well.
        missing: How many examples lack each part.
        encoders: Encoder of each part that has one.
        weights: How much each part counts, for examples that have all; they add up to 1.
        alone: Accuracy on examples held out with a part alone, of those that have it; None with one example of a class.
    """

    fit: FitReport
    missing: Mapping[str, int]
    encoders: Mapping[str, str]
    weights: Mapping[str, float]
    alone: Mapping[str, float] | None

    def as_dict(self) -> dict[str, object]:
        """The report for JSON: that of examples of one part, and `parts`."""
        parts = {
            name: {
                "encoder": self.encoders.get(name),
                "missing": missing,
                "weight": self.weights[name],
                "accuracy_alone": None if self.alone is None else self.alone.get(name),
            }
            for name, missing in self.missing.items()
        }
        return self.fit.as_dict() | {"parts": parts}


def report_of_parts(
    examples: PartedExamples,
    model: PartsModel,
    held: HeldOut | None,
    groups: NDArray[np.int64] | None,
    named: NamesOfFit | None,
    duplicates: Sequence[DuplicateExamples],
    seed: int,
    seconds: float,
) -> PartsReport:
    """The report of a fit.

    Args:
        examples: What it was fitted to.
        model: The model.
        held: What was found on held-out examples; None with one example of a class.
        groups: Groups of the examples.
        named: How names are used; None if they are not.
        duplicates: Copies among the examples.
        seed: Seed of the folds.
        seconds: How long it took.
    """
    labels, classes = examples.labels, len(examples.class_names)
    encoder = " ".join(f"{name}={one}" for name, one in model.encoders.items()) or "none"
    variants = ((model.plan, model.rows.copies),) if model.rows.copies else ()
    chosen = Candidate(encoder, Setting(Transform(), model.head, variants))
    accuracy, interval = None, interval_of_one_example(classes)
    suspects, confusions, measures = [], [], None
    points: tuple[OperatingPoint, ...] = ()
    gains = dict.fromkeys(("variants", "names", "wrong names"))
    if held is not None:
        estimate = accuracy_interval(held.correct["all"], (held.folds - 1) / held.folds, groups)
        accuracy, interval = estimate.value, (estimate.low, estimate.high)
        fold = stratified_folds(labels, held.folds, seed, groups)
        probabilities = cross_fitted_probabilities(held.outputs, torch.from_numpy(labels), torch.from_numpy(fold))
        suspects, confusions = find_label_issues(probabilities, labels), find_confusions(probabilities, labels)
        measures = measures_of(probabilities, labels, fold, groups)
        points = choose_points((held.outputs / model.temperature).softmax(1).numpy(), labels)
        plain = held.correct["no names"]
        gains = {
            "variants": gain_of(plain, held.correct.get("no variants"), groups),
            "names": gain_of(held.correct["all"], plain, groups),
            "wrong names": gain_of(held.correct.get("wrong names"), plain, groups),
        }
    fit = FitReport(
        classes=examples.class_names,
        counts=tuple(np.bincount(labels, minlength=classes).tolist()),
        names=examples.names,
        chosen=chosen,
        why=WHY,
        tried=(Tried(chosen, accuracy, 0.0),),
        considered=1,
        left_out=(),
        accuracy=accuracy,
        interval=interval,
        augmentation=gains["variants"],
        names_used=None
        if named is None
        else NamesUsed(named.strength, named.agreement, named.right, gains["names"], gains["wrong names"]),
        suspects=suspects,
        duplicates=duplicates,
        confusions=confusions,
        seconds=seconds,
        estimate=seconds,
        measures=measures,
        points=points,
    )
    alone = None if held is None else held.alone
    return PartsReport(fit, examples.missing(), model.encoders, model.weights(), alone)
