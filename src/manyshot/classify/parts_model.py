"""A classifier of examples of several parts that was fitted to a few of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.classify.model import Reference
from manyshot.classify.part_encoding import encode_parted
from manyshot.classify.parted_examples import PartedExamples
from manyshot.classify.predictions import Predictions
from manyshot.learners.fusion import FusedSupport
from manyshot.learners.part_features import side_by_side
from manyshot.tasks import Examples, Parts


@dataclass(frozen=True, eq=False)
class PartsModel:
    """A fitted classifier of examples of several parts: frozen encoders and `Fusion` on the features of its examples.

    p(c | x) = softmax(fusion(x) / temperature)_c, by the head of those parts that x has

    Args:
        class_names: Names of the c classes.
        kinds: Kind of each part, in order.
        encoders: Encoder of each part that has one.
        fingerprints: Digest of the weights of each encoder, by part; several, joined by "+", for several.
        number_names: Names of the columns of numbers.
        means: Means of these columns, which stand for numbers that are not known.
        features: Features `[n, d]` of each part of the examples that it was fitted to.
        labels: Their classes `[n]`.
        groups: Their groups `[n]`, which are left out together; None for each on its own.
        temperature: Outputs are divided by it.
        names: What reports call the examples.
        report: Report of the fit, for JSON.
    """

    kind: ClassVar[str] = "parts"

    class_names: tuple[str, ...]
    kinds: Mapping[str, str]
    encoders: Mapping[str, str]
    fingerprints: Mapping[str, str]
    number_names: tuple[str, ...]
    means: Float64[np.ndarray, " k"]
    features: Parts
    labels: Int64[Tensor, " n"]
    groups: Int64[Tensor, " n"] | None
    temperature: float
    names: tuple[str, ...]
    report: Mapping[str, Any]

    @cached_property
    def fused(self) -> FusedSupport:
        """The heads, solved when they are needed."""
        return fuse(self.features, self.labels, len(self.class_names), self.groups)

    @property
    def reference(self) -> Reference:
        """The examples that it was fitted to, all parts side by side."""
        return Reference(side_by_side(self.features).float(), self.labels, self.names)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a table that are its parts, with their kinds."""
        files = {name: kind for name, kind in self.kinds.items() if kind != "features"}
        return files | dict.fromkeys(self.number_names, "features")

    @property
    def false_alarms(self) -> float:
        """Expected rate of examples of a known class that are called unknown: none are."""
        return 0.0

    def weights(self) -> dict[str, float]:
        """How much each part counts for examples that have all; the weights add up to 1."""
        return dict(zip(self.fused.names, self.fused.weights()[0].tolist(), strict=True))

    def with_report(self, report: Mapping[str, Any]) -> "PartsModel":
        """The same model with another report.

        Args:
            report: Report of its fit, for JSON.
        """
        return replace(self, report=report)

    def predict(self, examples: PartedExamples, device: str = "cpu", title: str | None = None) -> Predictions:
        """Predict the classes of examples; none is called unknown.

        Args:
            examples: Examples of the same parts, labeled or not.
            device: Where to encode them.
            title: Title of the progress bars; None for none.

        Raises:
            InputError: If the examples have other parts, or one is damaged.
        """
        if dict(examples.kinds) != dict(self.kinds) or examples.number_names != self.number_names:
            raise InputError(
                f"the model takes the parts {', '.join(self.kinds)}, and these examples have "
                f"{', '.join(examples.kinds)}; give the same"
            )
        features = encode_parted(examples, self.encoders, self.means, device, title)
        outputs = self.fused(features.both(lambda value: value[None]))[0]
        return Predictions(
            probabilities=(outputs / self.temperature).softmax(1).numpy(),
            unknown=np.zeros(len(examples), dtype=bool),
            novelty=np.zeros(len(examples)),
            features=side_by_side(features).float(),
        )


def fuse(features: Parts, labels: Int64[Tensor, " n"], classes: int, groups: Tensor | None = None) -> FusedSupport:
    """The heads of one support.

    Args:
        features: Features `[n, d]` of each part.
        labels: Classes `[n]`.
        classes: Number of classes.
        groups: Groups `[n]`, which are left out together.
    """
    target = F.one_hot(labels, classes).double()[None]
    weight = torch.ones(1, len(labels), dtype=torch.float64)
    mask = torch.ones(1, classes, dtype=torch.bool)
    origin = None if groups is None else groups[None]
    return FusedSupport(features.both(lambda value: value[None]), Examples(features, target, weight, mask, origin))
