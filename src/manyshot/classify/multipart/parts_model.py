"""A fitted classifier of examples of several parts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64, Int64
from torch import Tensor

from manyshot.base import InputError, note
from manyshot.classify.choose.candidates import Variants
from manyshot.classify.model.model import Reference
from manyshot.classify.model.predictions import Predictions
from manyshot.classify.multipart.part_encoding import encode_parted
from manyshot.classify.multipart.part_heads import PartHeads, PartNames, PartRows
from manyshot.classify.multipart.part_unknown import PartsUnknownDetector
from manyshot.classify.multipart.parted_examples import FEATURES, PartedExamples
from manyshot.learners.part_features import side_by_side
from manyshot.tasks import Parts


@dataclass(frozen=True, eq=False)
class PartsModel:
    """A fitted classifier of examples of several parts: frozen encoders, and a head for each combination of parts.

    p(c | x) = softmax(head(x) / temperature)_c, by the head of those parts that x has (`PartHeads`)

    Args:
        class_names: Names of the c classes.
        kinds: Kind of each part, in order.
        encoders: Encoder of each part that has one.
        fingerprints: Digest of the weights of each encoder, by part; several, joined by "+", for several.
        number_names: Names of the columns of numbers.
        means: Means of these columns, which stand for numbers that are not known.
        rows: Features of each part of the n examples that it was fitted to, and of their variants.
        head: Head by name, or "fusion".
        plan: Ops that made the variants; "none" without.
        said: What names of classes add; None if they are not used.
        labels: Classes of the examples `[n]`.
        groups: Their groups `[n]`, which are left out together; None for each on its own.
        temperature: Outputs are divided by it.
        names: What reports call the examples.
        report: Report of the fit, for JSON.
    """

    kind: ClassVar[str] = "parts"
    views: ClassVar[Variants] = ()
    """New examples are classified as they are."""
    view_count: ClassVar[int] = 1

    class_names: tuple[str, ...]
    kinds: Mapping[str, str]
    encoders: Mapping[str, str]
    fingerprints: Mapping[str, str]
    number_names: tuple[str, ...]
    means: Float64[np.ndarray, " k"]
    rows: PartRows
    head: str
    plan: str
    said: PartNames | None
    labels: Int64[Tensor, " n"]
    groups: Int64[Tensor, " n"] | None
    temperature: float
    names: tuple[str, ...]
    report: Mapping[str, Any]

    @cached_property
    def heads(self) -> PartHeads:
        """The heads, solved when they are needed."""
        return PartHeads(self.rows, self.labels, len(self.class_names), self.head, self.groups, self.said)

    @cached_property
    def unknown(self) -> PartsUnknownDetector:
        """Detector of examples that are unlike every class."""
        return PartsUnknownDetector(self.rows.plain(), self.labels, self.weights(), self.groups)

    @property
    def reference(self) -> Reference:
        """The examples that it was fitted to, all parts side by side."""
        return Reference(side_by_side(self.rows.plain()).float(), self.labels, self.names)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a table that are its parts, with their kinds."""
        files = {name: kind for name, kind in self.kinds.items() if kind != "features"}
        return files | dict.fromkeys(self.number_names, "features")

    @property
    def false_alarms(self) -> float:
        """Expected rate of examples of a known class that are called unknown."""
        return self.unknown.false_alarms

    def weights(self) -> dict[str, float]:
        """How much each part counts for examples that have all; the weights add up to 1."""
        return self.heads.weights()

    def with_report(self, report: Mapping[str, Any]) -> "PartsModel":
        """The same model with another report.

        Args:
            report: Report of its fit, for JSON.
        """
        return replace(self, report=report)

    def at_temperature(self, temperature: float) -> "PartsModel":
        """The same model at another temperature.

        Args:
            temperature: What outputs are divided by.
        """
        return replace(self, temperature=temperature)

    def predict(self, examples: PartedExamples, device: str = "cpu", title: str | None = None) -> Predictions:
        """Predict the classes of examples.

        Args:
            examples: Examples of parts of the model, labeled or not; parts that none of them has may be left out.
            device: Where to encode them.
            title: Title of the progress bars; None for none.

        Raises:
            InputError: If the examples have other parts, or one is damaged.
        """
        fitting = self.fitting(examples)
        return self.predict_features(encode_parted(fitting, self.encoders, self.means, device, title))

    def fitting(self, examples: PartedExamples) -> PartedExamples:
        """Examples as the model takes them: parts that none of them has are missing, others than its own are left out.

        A part of another name is taken for the one of its kind where there is one such part here and there.

        Args:
            examples: Examples of parts of the model.

        Raises:
            InputError: If they have no part of the model, one of another kind, or other columns of numbers.
        """
        examples = examples.renamed(self._namesakes(examples))
        shared = [name for name in examples.kinds if name in self.kinds]
        other = [name for name in shared if examples.kinds[name] != self.kinds[name]]
        numbers = FEATURES in examples.kinds.values() and FEATURES in self.kinds.values()
        if not shared or other or (numbers and examples.number_names != self.number_names):
            raise InputError(
                f"the model takes the parts {self.describe_parts()}, and these examples have "
                f"{', '.join(examples.kinds)}; give some of the same"
            )
        left_out = [name for name in examples.kinds if name not in self.kinds]
        if left_out:
            note(f"{', '.join(left_out)}: no part of what the model was fitted to; left out")
        return examples.with_parts(self.kinds, self.number_names)

    def _namesakes(self, examples: PartedExamples) -> dict[str, str]:
        """What parts of other names are called in the model: files of pictures beside a table's column `photo`."""
        new = {name: kind for name, kind in examples.kinds.items() if name not in self.kinds}
        own = {name: kind for name, kind in self.kinds.items() if name not in examples.kinds and kind != FEATURES}
        found = {}
        for name, kind in new.items():
            same = [other for other, its in own.items() if its == kind]
            if len(same) == 1 and list(new.values()).count(kind) == 1:
                found[name] = same[0]
                note(f"{name}: taken as the part '{same[0]}' of the model")
        return found

    def describe_parts(self) -> str:
        """The parts by name, with the columns of numbers."""
        columns = ", ".join(self.number_names)
        return ", ".join(f"{name} ({columns})" if kind == FEATURES else name for name, kind in self.kinds.items())

    def predict_features(self, features: Parts) -> Predictions:
        """Predict from features.

        Args:
            features: Features `[n, d]` of each part, as `encode_parted` gives them.
        """
        score = self.unknown.score(features)
        return Predictions(
            probabilities=(self.heads.logits(features) / self.temperature).softmax(1).numpy(),
            unknown=(score > 1).numpy(),
            novelty=score.numpy(),
            features=side_by_side(features).float(),
        )
