"""What a fitted classifier says of examples, and which unlabeled ones are most worth labeling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.examples.read_examples import ExampleSet

if TYPE_CHECKING:
    from manyshot.classify.model.model import Model
    from manyshot.classify.multipart.parted_examples import PartedExamples
    from manyshot.classify.multipart.parts_model import PartsModel

UNKNOWN = "unknown"
"""The prediction for an example that is unlike every class."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions for n examples.

    Args:
        probabilities: Calibrated probabilities `[n, c]` of the classes.
        unknown: Whether each example `[n]` is unlike every class.
        novelty: How unlike the training examples each example `[n]` is.
        features: Transformed features `[n, d]`.
    """

    probabilities: Float[np.ndarray, "n c"]
    unknown: Bool[np.ndarray, "n"]
    novelty: Float[np.ndarray, "n"]
    features: Float32[Tensor, "n d"]

    def __len__(self) -> int:
        return len(self.unknown)

    @property
    def best(self) -> NDArray[np.int64]:
        """Index of the most probable class of each example `[n]`, whether it is unknown or not."""
        return np.asarray(self.probabilities.argmax(1), dtype=np.int64)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the most probable class of each example `[n]`."""
        return np.asarray(self.probabilities.max(1), dtype=np.float64)

    def words(self, class_names: Sequence[str]) -> list[str]:
        """The prediction of each example: the name of a class, or the word for examples that are unlike every class.

        Args:
            class_names: Names of the classes.
        """
        word = unknown_word(class_names)
        return [word if new else class_names[c] for c, new in zip(self.best.tolist(), self.unknown, strict=True)]

    @staticmethod
    def join(parts: "Sequence[Predictions]") -> "Predictions":
        """Predictions for the examples of several sets, one set after the other.

        Args:
            parts: At least one.
        """
        return Predictions(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.unknown for part in parts]),
            np.concatenate([part.novelty for part in parts]),
            torch.cat([part.features for part in parts]),
        )


def unknown_word(class_names: Sequence[str]) -> str:
    """The word for examples that are unlike every class, which is the name of no class.

    Args:
        class_names: Names of the classes.

    Example:
        >>> unknown_word(["ant", "bee"]), unknown_word(["known", "unknown"])
        ('unknown', 'unknown (no class)')
    """
    return other_name(UNKNOWN, class_names, "no class")


def other_name(name: str, taken: Sequence[str], addition: str) -> str:
    """A name, or the name with an addition in brackets where the name is taken already.

    Args:
        name: Name that is wanted.
        taken: Names that are taken.
        addition: What tells the two apart; repeated until the result is free.

    Example:
        >>> other_name("file", ["file", "file (class)"], "class")
        'file (class) (class)'
    """
    while name in taken:
        name = f"{name} ({addition})"
    return name


def choose_next(
    model: "Model | PartsModel",
    unlabeled: "ExampleSet | PartedExamples",
    count: int,
    predictions: Predictions | None = None,
) -> list[int]:
    """Choose the unlabeled examples that are most worth labeling next: uncertain, and unlike each other.

    Greedy k-center (Sener and Savarese, ICLR 2018), where the distance of an example to the nearest labeled or chosen
    one is multiplied by its uncertainty: 1 minus the margin between the probabilities of its two most probable classes
    (Scheffer et al., 2001). Thus copies of a chosen example are not chosen, nor are far examples that the model is sure
    of. The paper's k-center has no uncertainty and its margin no distances.

    Args:
        model: A fitted model.
        unlabeled: Examples without labels.
        count: Number of examples to choose; fewer are chosen where fewer differ from the labeled ones.
        predictions: The model's predictions for them; computed if None.

    Returns:
        Indices into `unlabeled`, the most valuable example first.

    Raises:
        InputError: If `count` is not positive.
    """
    if count < 1:
        raise InputError(f"next={count}: give at least 1")
    if predictions is None:
        predictions = model.predict(unlabeled)  # type: ignore[arg-type] # each refuses the other's examples
    features = predictions.features.double()
    uncertainty = torch.from_numpy(1 - _margin(predictions.probabilities))
    nearest = model.reference.nearest(features, 1)[0][:, 0]
    chosen: list[int] = []
    while len(chosen) < min(count, len(features)):
        value = nearest * uncertainty
        best = int(value.argmax())
        if value[best] <= 0:
            break
        chosen.append(best)
        nearest = torch.minimum(nearest, (features - features[best]).norm(dim=1))
    return chosen


def _margin(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Difference between the two largest probabilities of each row."""
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    ranked = np.sort(probabilities, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2], dtype=np.float64)
