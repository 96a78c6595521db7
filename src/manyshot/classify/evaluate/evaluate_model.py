"""Evaluation of a fitted model on labeled examples of the user's own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from manyshot.base import InputError, did_you_mean
from manyshot.classify.calibrate.operating_points import points_of
from manyshot.classify.evaluate.metrics import Metrics, measure
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.multipart.parted_examples import PartedExamples

if TYPE_CHECKING:
    from manyshot.classify.model.model import Model
    from manyshot.classify.multipart.parts_model import PartsModel


@dataclass(frozen=True, eq=False)
class ModelEvaluation:
    """Results of a model on n labeled examples.

    Args:
        metrics: Accuracy and further measures, with intervals.
        class_names: Names of the model's c classes.
        names: What reports call each example.
        labels: Index `[n]` of each example's class among the model's.
        probabilities: Calibrated probabilities `[n, c]`.
        unknown: Whether each example `[n]` was taken for unlike every class. Measures count its most probable class.
    """

    metrics: Metrics
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: Int64[np.ndarray, " n"]
    probabilities: Float[np.ndarray, "n c"]
    unknown: Bool[np.ndarray, " n"]

    def mistakes(self, most: int | None = None) -> list[int]:
        """Indices of the examples whose most probable class is wrong, those with the most confident answer first.

        Args:
            most: Largest number of examples; all if None.
        """
        wrong = np.flatnonzero(self.probabilities.argmax(1) != self.labels)
        order = np.argsort(-self.probabilities[wrong].max(1), kind="stable")
        return [int(index) for index in wrong[order][:most]]

    def as_dict(self) -> dict[str, Any]:
        """The results for JSON."""
        answers = self.probabilities.argmax(1)
        worst = [
            {
                "example": self.names[i],
                "class": self.class_names[self.labels[i]],
                "prediction": self.class_names[answers[i]],
                "probability": float(self.probabilities[i, answers[i]]),
            }
            for i in self.mistakes(10)
        ]
        return {
            **self.metrics.as_dict(self.class_names),
            "unknown": float(self.unknown.mean()),
            "classes": list(self.class_names),
            "worst_mistakes": worst,
        }


def evaluate_model(
    model: "Model | PartsModel", examples: ExampleSet | PartedExamples, device: str = "cpu", title: str | None = None
) -> ModelEvaluation:
    """Evaluate a model on labeled examples that it was not fitted to.

    Args:
        model: A fitted model.
        examples: Labeled examples; classes are matched by name. Intervals are over their groups where they have groups.
            Sensitivity is that at the thresholds that the fit chose on its own held-out examples.
        device: Where to encode the examples.
        title: Title of the progress bar; None for none.

    Raises:
        InputError: If there are no examples, one has no label, or a class is none of the model's.
    """
    labels = _labels_of(examples, model.class_names)
    points = points_of(model.report, len(model.class_names))
    predictions = model.predict(examples, device, title)  # type: ignore[arg-type] # each refuses the other's examples
    called = {point.specificity: point.called(predictions.probabilities) for point in points}
    return ModelEvaluation(
        measure(predictions.probabilities, labels, examples.groups, called),
        model.class_names,
        examples.names,
        labels,
        predictions.probabilities,
        predictions.unknown,
    )


def _labels_of(examples: ExampleSet | PartedExamples, class_names: tuple[str, ...]) -> Int64[np.ndarray, " n"]:
    """Indices of the examples' classes among those of the model."""
    if len(examples) == 0:
        raise InputError("no examples to evaluate the model on; give a folder with one folder per class")
    unlabeled = np.flatnonzero(examples.labels < 0)
    if len(unlabeled):
        raise InputError(
            f"{examples.names[unlabeled[0]]}: has no label, as {len(unlabeled):,} of {len(examples):,} examples; put "
            "pictures into one folder per class, or name the label's column"
        )
    used = sorted({examples.class_names[label] for label in examples.labels.tolist()})
    foreign = [name for name in used if name not in class_names]
    if foreign:
        more = f" (nor are {len(foreign) - 1:,} others)" if len(foreign) > 1 else ""
        raise InputError(f"class '{foreign[0]}' is none of the model's{more}; {did_you_mean(foreign[0], class_names)}")
    index = {name: c for c, name in enumerate(class_names)}
    places = np.array([index.get(name, -1) for name in examples.class_names], dtype=np.int64)
    return places[examples.labels]
