"""Out-of-distribution examples of several parts: a detector for each combination of parts that they may have."""

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.calibrate.unknown_detector import UnknownDetector, directions
from manyshot.learners.part_features import KNOTS, SHORT, TINY
from manyshot.tasks import Parts

FLOOR = 0.3
"""Entry that each number adds to its bumps, so that a number far from all others is unlike every one of them."""


class PartsUnknownDetector:
    """Tells examples that are unlike every class, by their distance to the nearest training example.

    distance(x) = 1 - max_i sum_p w_p cosine(u_p(x), u_p(x_i)) over the parts p that x has, of weight w_p, among the
    training examples that have them all; u_p are the features of the encoder, or their root where none is negative.
    Numbers, which have no direction, are five bumps each around the mean of their column. Thresholds are those of
    `UnknownDetector`, one for each combination of parts.

    Args:
        features: Features of n training examples as they are.
        labels: Their classes `[n]`.
        weights: Weight of each part.
        groups: Groups `[n]`, which are left out together; None for each on its own.

    Example:
        >>> x = torch.randn(12, 40, generator=torch.Generator().manual_seed(0))
        >>> parts = Parts.of({"text": x[:6].repeat(1, 1) + 0.1 * x[6:]})
        >>> detector = PartsUnknownDetector(parts, torch.tensor([0, 0, 0, 1, 1, 1]), {"text": 1.0})
        >>> detector.score(parts).max().item() < 1
        True
    """

    def __init__(
        self,
        features: Parts,
        labels: Int[Tensor, " n"],
        weights: dict[str, float],
        groups: Int[Tensor, " n"] | None = None,
    ) -> None:
        self.features, self.labels, self.groups = features, labels, groups
        self.share = {name: max(weights[name], TINY) for name in features.names}
        self.root = {
            name: bool((features[name][features.there[name]] >= 0).all()) and features[name].shape[1] >= SHORT
            for name in features.names
        }
        self._detectors: dict[tuple[str, ...], UnknownDetector | None] = {}

    def score(self, features: Parts) -> Float64[Tensor, " m"]:
        """Distance to the nearest training example, over the threshold: above 1 is unknown, 0 if it cannot be told.

        Args:
            features: Features of the same parts.
        """
        there = torch.stack([features.there[name] for name in self.features.names])
        scores = torch.zeros(there.shape[1], dtype=torch.float64)
        for pattern in torch.unique(there, dim=1).mT.tolist():
            chosen = tuple(name for name, present in zip(self.features.names, pattern, strict=True) if present)
            detector = self.of(chosen) if chosen else None
            if detector is not None:
                like = (there == torch.tensor(pattern)[:, None]).all(0).nonzero()[:, 0]
                scores[like] = detector.score_directions(self._directions(features[like], chosen))
        return scores

    def is_unknown(self, features: Parts) -> Bool[Tensor, " m"]:
        """Whether examples are unlike every class.

        Args:
            features: Features of the same parts.
        """
        return self.score(features) > 1

    @property
    def false_alarms(self) -> float:
        """Expected rate of examples of a known class that are called unknown, for examples that have all parts."""
        detector = self.of(self.features.names)
        return 0.0 if detector is None else detector.false_alarms

    def of(self, parts: tuple[str, ...]) -> UnknownDetector | None:
        """The detector of examples that have just some parts; None if too few training examples have them all.

        Args:
            parts: Names of the parts.
        """
        if parts not in self._detectors:
            have = torch.stack([self.features.there[name] for name in parts]).all(0).nonzero()[:, 0]
            self._detectors[parts] = self._fit(parts, have) if len(have) > 1 else None
        return self._detectors[parts]

    def _fit(self, parts: tuple[str, ...], have: Tensor) -> UnknownDetector | None:
        groups = None if self.groups is None else self.groups[have]
        root = all(self.root[name] for name in parts)
        try:
            rows = self._directions(self.features[have], parts)
            return UnknownDetector.of_directions(rows, self.labels[have], root, groups=groups)
        except InputError:  # they are all alike, or of one group
            return None

    def _directions(self, features: Parts, parts: tuple[str, ...]) -> Float64[Tensor, "m d"]:
        """Rows of length 1, to which each part contributes its weight."""
        total = sum(self.share[name] for name in parts)
        rows = []
        for name in parts:
            own = features[name].double()
            if own.shape[1] < SHORT:
                own = self._bumps(name, own)
            rows.append(directions(own, self.root[name]) * (self.share[name] / total) ** 0.5)
        return torch.cat(rows, 1)

    def _bumps(self, name: str, numbers: Tensor) -> Tensor:
        """Numbers as vectors that are alike where the numbers are."""
        known = self.features[name][self.features.there[name]].double()
        deviation = known.std(0, correction=0).clamp(min=1e-6)
        z = (numbers - known.mean(0)) / deviation
        return torch.cat([*((-(z - knot).square()).exp() for knot in KNOTS), torch.full_like(z, FLOOR)], 1)
