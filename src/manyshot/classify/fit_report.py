"""What a fit tried, chose and found out about the examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from manyshot.classify.calibrate.operating_points import KEY, OperatingPoint, points_as_dict
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.data_issues.find_duplicate_examples import DuplicateExamples
from manyshot.classify.data_issues.label_issues import Confusion, LabelIssue
from manyshot.classify.evaluate.metrics import Metrics

MOST_TRIED = 12
"""Candidates that reports list."""
METRIC_WORDS = {
    "accuracy": "accuracy",
    "balanced-accuracy": "balanced accuracy",
    "auroc": "area under the ROC curve",
}
"""What reports call the measures that candidates are compared by."""


@dataclass(frozen=True)
class Tried:
    """A candidate that was considered.

    Args:
        candidate: The candidate.
        accuracy: Its cross-validated accuracy on the examples, or what the fit compared by; None if there are too few.
        gain: Its expected gain of accuracy over what does best on other data.
    """

    candidate: Candidate
    accuracy: float | None
    gain: float


@dataclass(frozen=True)
class PairedGain:
    """What one thing gained on examples that were held out.

    Args:
        difference: Accuracy with it less that without.
        low: Lower end of the 95 % interval over examples, or groups.
        high: Upper end.
    """

    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0

    def as_dict(self) -> dict[str, object]:
        """The gain for JSON."""
        return {"difference": self.difference, "interval": [self.low, self.high], "clear": self.is_clear}


@dataclass(frozen=True)
class NamesUsed:
    """Whether and how what is said of classes was used beside their examples, see `choose_names`.

    Args:
        strength: Strength; 0 if names were not used.
        agreement: Standard deviations by which names agree better with the examples than names given out at random.
        right: Fraction of the examples that names alone classify right.
        gain: What names gained; None if nothing could be held out.
        wrong_names: What another class's name gained, in place of each class's own.
    """

    strength: float
    agreement: float
    right: float
    gain: PairedGain | None
    wrong_names: PairedGain | None

    def as_dict(self) -> dict[str, object]:
        """The names for JSON."""
        return {
            "used": self.strength > 0,
            "strength": self.strength,
            "agreement": self.agreement,
            "right_alone": self.right,
            "gain": None if self.gain is None else self.gain.as_dict(),
            "wrong_names": None if self.wrong_names is None else self.wrong_names.as_dict(),
        }


@dataclass(frozen=True)
class FitReport:
    """What a fit tried, chose and found out about the examples.

    Args:
        classes: Names of the classes.
        counts: Number of examples of each class.
        names: Name of each example.
        chosen: The candidate that was fitted.
        why: Why it was chosen, in a sentence.
        tried: The most promising candidates, best first.
        considered: Number of candidates.
        left_out: What was not tried, since it would have taken longer than the budget.
        accuracy: Estimated accuracy on new examples; None with one example per class.
        interval: 95 % interval of it.
        augmentation: What augmentation gained; None if nothing could be held out, or none was tried.
        names_used: How names of classes were used; None if they could not be.
        suspects: Examples whose label looks wrong, the most suspicious first.
        duplicates: Pairs of examples that are the same or nearly so.
        confusions: Pairs of classes that are confused, the most frequent first.
        seconds: How long the fit took.
        estimate: How long it was estimated to take.
        measures: Further measures on examples that were held out; None with one example per class. The thresholds of
            its sensitivity come from the other folds.
        metric: What candidates were compared by.
        points: From which probabilities on the model takes an example for a class at some specificities; chosen on
            held-out examples; empty without enough of them.
        balanced: Whether all classes weighed the same.
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...]
    names: tuple[str, ...]
    chosen: Candidate
    why: str
    tried: tuple[Tried, ...]
    considered: int
    left_out: tuple[str, ...]
    accuracy: float | None
    interval: tuple[float, float]
    augmentation: PairedGain | None
    names_used: NamesUsed | None
    suspects: Sequence[LabelIssue]
    duplicates: Sequence[DuplicateExamples]
    confusions: Sequence[Confusion]
    seconds: float
    estimate: float
    measures: Metrics | None = None
    metric: str = "accuracy"
    points: tuple[OperatingPoint, ...] = ()
    balanced: bool = False

    @property
    def examples(self) -> int:
        """Number of examples."""
        return sum(self.counts)

    @property
    def units(self) -> str:
        """What intervals are over: examples, or groups of them, such as patients."""
        groups = None if self.measures is None else self.measures.groups
        return f"{self.examples:,} examples" if groups is None else f"{groups:,} groups of {self.examples:,} examples"

    def as_dict(self) -> dict[str, object]:
        """The report for JSON."""
        return {
            "classes": dict(zip(self.classes, self.counts, strict=True)),
            "examples": self.examples,
            "chosen": self.chosen.as_dict(),
            "why": self.why,
            "tried": [
                one.candidate.as_dict() | {"accuracy": one.accuracy, "expected_gain": one.gain} for one in self.tried
            ],
            "considered": self.considered,
            "left_out": list(self.left_out),
            "metric": self.metric,
            "balanced": self.balanced,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "augmentation": None if self.augmentation is None else self.augmentation.as_dict(),
            "class_names": None if self.names_used is None else self.names_used.as_dict(),
            "suspects": [one.as_dict(self.names, self.classes) for one in self.suspects],
            "duplicates": [one.as_dict(self.names) for one in self.duplicates],
            "confusions": [one.as_dict(self.classes) for one in self.confusions],
            "seconds": round(self.seconds, 2),
            "estimate": round(self.estimate, 2),
            "measures": None if self.measures is None else _further(self.measures.as_dict(self.classes)),
            KEY: points_as_dict(self.points),
        }


def _further(measures: dict[str, Any]) -> dict[str, Any]:
    """All but accuracy, whose interval stands beside them and allows for the choice among candidates."""
    return {name: value for name, value in measures.items() if name not in ("accuracy", "interval")}
