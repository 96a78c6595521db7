"""A classifier that was fitted to a few examples: frozen encoders, a head, calibration, and a detector of unknowns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int64
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.calibrate.unknown_detector import UnknownDetector
from manyshot.classify.choose.candidates import Candidate, Variants
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.examples.example_set import ExampleSet, Kind
from manyshot.classify.heads import FittedTransform, Linear
from manyshot.classify.heads.nearest_head import NearestRows
from manyshot.classify.model.predictions import Predictions

VIEWS_AT_ONCE = 4096
"""Number of views of examples whose features are in memory at once."""
DISTANCES_AT_ONCE = 1 << 24
"""Number of distances that are in memory at once."""
VIEW_SEED = 0
"""Seed of the views of an example that is classified, so that a prediction does not depend on what else is asked."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The n examples that a model was fitted to.

    Args:
        features: Transformed features `[n, d]`.
        labels: Class index `[n]` of each example.
        names: What reports call each example.
    """

    features: Float32[Tensor, "n d"]
    labels: Int64[Tensor, " n"]
    names: tuple[str, ...]

    def nearest(self, features: Float[Tensor, "m d"], count: int) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"]]:
        """The nearest of the n examples by Euclidean distance.

        Args:
            features: Transformed features `[m, d]` of other examples.
            count: Number of neighbors k; n if there are fewer examples.

        Returns:
            Distances `[m, k]` and indices `[m, k]`, the nearest first.
        """
        rows = max(1, DISTANCES_AT_ONCE // max(1, len(self.features)))
        own = self.features.double()
        parts = torch.split(features.double(), rows)
        found = [torch.cdist(part, own).topk(min(count, len(own)), largest=False) for part in parts]
        return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted classifier of pictures or sentences.

    p(c | x) = softmax(mean over views v of x: head([t_1(f_1(v)), ..., t_k(f_k(v))]) / temperature)_c

    with frozen encoders f and fitted transforms t. The views of an example are itself and variants of it.

    Args:
        kind: What it classifies.
        class_names: Names of the c classes.
        encoders: Names of the k frozen encoders.
        fingerprints: Digest of each encoder's weights.
        transforms: Transform of each encoder's features, fitted to one split.
        linear: Head on the concatenated features, fitted to one split; linear unless it is `nearest`.
        temperature: Logits are divided by it.
        unknown: Detector of examples that are unlike every class, by the encoders' features before the transforms.
        views: Plans that make variants of an example that is classified, with their numbers of copies; the logits of
            the example and of its variants are averaged. Empty for the example alone.
        candidate: The settings that it was fitted with.
        report: Report of its fit, for JSON.
        reference: The examples that it was fitted to.
    """

    kind: Kind
    class_names: tuple[str, ...]
    encoders: tuple[str, ...]
    fingerprints: tuple[str, ...]
    transforms: tuple[FittedTransform, ...]
    linear: Linear | NearestRows
    temperature: float
    unknown: UnknownDetector
    views: Variants
    candidate: Candidate
    report: Mapping[str, Any]
    reference: Reference

    @property
    def view_count(self) -> int:
        """Number of views of an example: itself, and its variants."""
        return 1 + sum(copies for _, copies in self.views)

    @property
    def window(self) -> str | None:
        """Window that the examples of its fit were read through, and that others have to be read through."""
        window = self.report.get("window")
        return window if isinstance(window, str) else None

    @property
    def false_alarms(self) -> float:
        """Expected rate of examples of a known class that are called unknown."""
        return self.unknown.false_alarms

    def predict(self, examples: ExampleSet, device: str = "cpu", title: str | None = None) -> Predictions:
        """Predict the classes of examples.

        Args:
            examples: Pictures or sentences, n of them, labeled or not.
            device: Where to encode them.
            title: Title of the progress bar; None for none.

        Raises:
            InputError: If the examples are of another kind, or one is damaged.
        """
        if examples.kind != self.kind:
            raise InputError(f"the model classifies {self.kind}, and these are {examples.kind}; give {self.kind}")
        step = max(1, VIEWS_AT_ONCE // self.view_count)
        rows = np.arange(len(examples))
        parts = [
            self.predict_features(self.encode(examples.select(rows[first : first + step]), device, title))
            for first in range(0, len(rows), step)
        ]
        return Predictions.join(parts)

    def with_report(self, report: Mapping[str, Any]) -> "Model":
        """The same model with another report.

        Args:
            report: Report of its fit, for JSON.
        """
        return replace(self, report=report)

    def encode(
        self, examples: ExampleSet, device: str = "cpu", title: str | None = None
    ) -> list[Float32[Tensor, "n views _"]]:
        """Features of the views of examples, the examples as they are first.

        Args:
            examples: Examples, n of them.
            device: Where to encode them.
            title: Title of the progress bar; None for none.

        Returns:
            Features `[n, views, d]`, one tensor per encoder.
        """
        blocks = []
        for name in self.encoders:
            parts = [encode_examples(name, examples, device=device, title=title)]
            for plan, copies in self.views:
                parts.append(
                    encode_examples(
                        name, examples, plan=plan, copies=copies, seed=VIEW_SEED, device=device, title=title
                    )
                )
            blocks.append(torch.cat(parts, dim=1))
        return blocks

    def predict_features(self, blocks: Sequence[Float[Tensor, "n views _"]]) -> Predictions:
        """Predict from features.

        Args:
            blocks: Features `[n, views, d]`, one tensor per encoder, as `encode` gives them.
        """
        n, views, _ = blocks[0].shape
        parts = [fitted(x.flatten(0, 1))[0] for fitted, x in zip(self.transforms, blocks, strict=True)]
        rows = torch.cat(parts, dim=1)
        logits = self.linear(rows[None])[0].view(n, views, -1).mean(1)
        plain = [block[:, 0] for block in blocks]
        return Predictions(
            probabilities=(logits / self.temperature).softmax(1).numpy(),
            unknown=self.unknown.is_unknown(plain).numpy(),
            novelty=self.unknown.score(plain).numpy(),
            features=rows.view(n, views, -1)[:, 0].float(),
        )
