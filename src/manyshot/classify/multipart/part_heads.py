"""A head for each combination of parts that examples may have, on their scaled features side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.heads import HEADS, Linear
from manyshot.classify.heads.nearest_head import NearestRows
from manyshot.learners import FusedSupport
from manyshot.tasks import Examples, Parts

FUSION = "fusion"
"""The head of `manyshot.learners.Fusion`: ridge regression, whose penalty comes from leave-one-out errors as well."""
LEAST_LOGIT = -1e3
"""In place of minus infinity, for a class that a fit has not seen."""


@dataclass(frozen=True, eq=False)
class PartRows:
    """Features of n examples of several parts, each followed by its variants.

    Args:
        features: Features of `[n * (1 + copies)]` rows.
        copies: Number of variants of an example; together they weigh as much as the example.
    """

    features: Parts
    copies: int = 0

    def __len__(self) -> int:
        return len(self.features) // (1 + self.copies)

    def select(self, examples: Int[Tensor, " k"]) -> "PartRows":
        """Some of the examples, with their variants.

        Args:
            examples: Indices of examples.
        """
        each = 1 + self.copies
        rows = (examples[:, None] * each + torch.arange(each)).flatten()
        return PartRows(self.features[rows], self.copies)

    def plain(self) -> Parts:
        """The features of the examples as they are."""
        return self.features[:: 1 + self.copies]

    def without_variants(self) -> "PartRows":
        """The examples as they are."""
        return PartRows(self.plain())

    def weights(self) -> Float64[Tensor, " rows"]:
        """Weight of each row: 1 for an example, and 1 for its variants together."""
        each = torch.ones(1 + self.copies, dtype=torch.float64)
        each[1:] /= max(self.copies, 1)
        return each.repeat(len(self))


@dataclass(frozen=True, eq=False)
class PartNames:
    """What names of classes add to the logits: inner products of each part's scaled features with directions.

    Args:
        directions: Directions `[c, d]` of length 1 by part; zeros for classes of which nothing is said. Parts in whose
            features nothing is said are left out.
        scale: Factor of the inner products.
    """

    directions: Mapping[str, Float64[Tensor, "c d"]]
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class PatternHead:
    """The classifier of examples that have just certain parts.

    Args:
        parts: Names of the parts, in order.
        roots: Roots `[P]` of their weights.
        classifier: Classifier of `[sqrt(w_p) r_p(x) for the parts p]`, fitted to one split.
    """

    parts: tuple[str, ...]
    roots: Float64[Tensor, " p"]
    classifier: Linear | NearestRows

    def join(self, scaled: Mapping[str, Tensor]) -> Tensor:
        """Scaled features of the parts, weighted and side by side.

        Args:
            scaled: Scaled features `[m, d]`, or directions `[c, d]`, by part; parts that are not there are zeros.
        """
        return torch.cat([root * scaled[name] for name, root in zip(self.parts, self.roots, strict=True)], 1)


class PartHeads:
    """Classifiers of examples of several parts, of which any may be missing: a head for each combination of parts.

    logits(x) = W_P [sqrt(w_p) r_p(x) for p in P] + b_P for the parts P that x has, with weights w and scaled features r
    of `manyshot.learners.Fusion`; other heads than its ridge regression are fitted to the same rows.

    Args:
        rows: Features of n examples and their variants.
        labels: Classes `[n]`.
        classes: Number of classes.
        head: Head by name with its options, or "fusion".
        groups: Groups `[n]`, which leave-one-out leaves out together; None for each example on its own.
        names: What names of classes add; None if they are not used.

    Example:
        >>> parts = Parts.of({"a": torch.eye(4).repeat(1, 8), "b": torch.eye(4)})
        >>> heads = PartHeads(PartRows(parts), torch.tensor([0, 0, 1, 1]), 2)
        >>> heads.logits(parts).argmax(1).tolist(), sorted(heads.weights())
        ([0, 0, 1, 1], ['a', 'b'])
    """

    def __init__(
        self,
        rows: PartRows,
        labels: Int[Tensor, " n"],
        classes: int,
        head: str = FUSION,
        groups: Int[Tensor, " n"] | None = None,
        names: PartNames | None = None,
    ) -> None:
        self.head, self.names, self.classes = head, names, classes
        each = 1 + rows.copies
        self.targets = F.one_hot(labels.repeat_interleave(each), classes).double()
        self.weight = rows.weights()
        own = torch.arange(len(labels)) if groups is None else groups
        mask = torch.ones(1, classes, dtype=torch.bool)
        origin = own.repeat_interleave(each)[None]
        support = Examples(rows.features, self.targets[None], self.weight[None], mask, origin)
        self.fused = FusedSupport(rows.features.both(lambda value: value[None]), support)
        self._heads: dict[tuple[int, ...], PatternHead] = {}

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return self.fused.names

    def weights(self) -> dict[str, float]:
        """How much each part counts for examples that have all; the weights add up to 1."""
        return dict(zip(self.parts, self.fused.weights()[0].tolist(), strict=True))

    def of(self, chosen: tuple[int, ...]) -> PatternHead:
        """The classifier of examples that have just these parts, solved when it is needed.

        Args:
            chosen: Indices of parts, in order.
        """
        if chosen not in self._heads:
            weights, duals = self.fused.head_of(chosen)
            rows = self.fused.joined_rows(chosen, weights)
            seen = self.weight * self.fused.kernels.there[list(chosen)].any(0)
            if not bool((seen > 0).any()):  # no example of the fit has any of the parts
                nothing = torch.zeros(1, self.classes, rows.shape[2], dtype=torch.float64)
                linear: Linear | NearestRows = Linear(nothing, self.fused.kernels.offset[:, 0])
            elif self.head == FUSION:
                linear = Linear(duals.mT @ rows, self.fused.kernels.of(list(chosen)).offset[:, 0])
            else:
                linear = HEADS.build(self.head).fit(rows, self.targets, seen)  # type: ignore[assignment]
            names = tuple(self.parts[index] for index in chosen)
            self._heads[chosen] = PatternHead(names, weights[0].sqrt(), linear)
        return self._heads[chosen]

    def scaled(self, features: Parts) -> dict[str, Tensor]:
        """Features as the heads see them, `[m, d]` by part; zeros where a part is missing.

        Args:
            features: Features `[m, d]` of each part.
        """
        return {
            name: scale(features[name].double()[None], features.there[name][None])[0]
            for name, scale in self.fused.scales.items()
        }

    def logits(self, features: Parts) -> Float64[Tensor, "m c"]:
        """Logits of examples, each by the parts that it has, with what the names add.

        Args:
            features: Features of the same parts.
        """
        scaled = self.scaled(features)
        frequent = self.fused.kernels.offset[0]  # examples without any part
        logits = self._by_pattern(features, frequent, lambda head: head.classifier(head.join(scaled)[None])[0])
        if self.names is not None:
            logits = logits + self.names.scale * self.name_logits(features, self.names)
        return logits.clamp(min=LEAST_LOGIT)

    def name_logits(self, features: Parts, names: PartNames) -> Float64[Tensor, "m c"]:
        """The inner products with the directions of names, for a factor of 1; zeros where no part has any.

        Args:
            features: Features of the same parts.
            names: Directions.
        """
        scaled = self.scaled(features)
        nothing = torch.zeros(1, self.classes, dtype=torch.float64)
        return self._by_pattern(
            features, nothing, lambda head: head.join(scaled) @ self.joined_directions(head, names).mT
        )

    def joined_directions(self, head: PatternHead, names: PartNames) -> Float64[Tensor, "c d"]:
        """Directions of names in the rows of a head.

        Args:
            head: Head of a combination of parts.
            names: Directions by part.
        """
        nothing = {
            name: torch.zeros(self.classes, rows.shape[2], dtype=torch.float64)
            for name, rows in self.fused.rows.items()
        }
        return head.join(nothing | dict(names.directions))

    def _by_pattern(self, features: Parts, other: Tensor, answer: Callable[[PatternHead], Tensor]) -> Tensor:
        """The answers of each example's own head; another one for examples without any part."""
        there = torch.stack([features.there[name] for name in self.parts])  # [P, m]
        outputs = other.expand(there.shape[1], -1)
        for pattern in torch.unique(there, dim=1).mT.tolist():
            chosen = tuple(index for index, present in enumerate(pattern) if present)
            if chosen:
                like = (there == torch.tensor(pattern)[:, None]).all(0)
                outputs = torch.where(like[:, None], answer(self.of(chosen)), outputs)
        return outputs
