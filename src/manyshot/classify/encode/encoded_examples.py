"""Features of examples and of their variants under several plans, from several encoders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.choose.candidates import NO_PLAN, Setting, Variants
from manyshot.classify.encode.frozen_encoders import encoder_blocks
from manyshot.classify.heads import balanced_weights


@dataclass(frozen=True, eq=False)
class EncodedExamples:
    """Features by encoder and plan.

    Args:
        features: Features `[n, copies, d]` by encoder and plan; by encoder and "none" `[n, 1, d]` of the examples as
            they are.
        weights: Weight `[n]` of each example in training; 1 if None.

    Example:
        >>> plain, flipped = torch.zeros(5, 1, 3), torch.ones(5, 1, 3)
        >>> encoded = EncodedExamples({("pixels", "none"): plain, ("pixels", "flip"): flipped})
        >>> encoded.plans_of("pixels"), len(encoded)
        (('none', 'flip'), 5)
    """

    features: Mapping[tuple[str, str], Float[Tensor, "n copies d"]]
    weights: Float[Tensor, " n"] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.features.values())))

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders, each on its own."""
        return tuple(dict.fromkeys(encoder for encoder, _ in self.features))

    def plans_of(self, encoder: str) -> tuple[str, ...]:
        """The plans for which an encoder, or each of several that are joined, has features."""
        blocks = encoder_blocks(encoder)
        plans = dict.fromkeys(plan for _, plan in self.features)
        return tuple(plan for plan in plans if all((block, plan) in self.features for block in blocks))

    def can_make(self, encoder: str, together: Sequence[Variants]) -> tuple[Variants, ...]:
        """Those of several variants for which an encoder, or each of several that are joined, has features.

        Args:
            encoder: Encoders, joined by "+".
            together: Variants.

        Example:
            >>> rows = {("pixels", "none"): torch.zeros(5, 1, 3), ("pixels", "flip"): torch.ones(5, 1, 3)}
            >>> EncodedExamples(rows).can_make("pixels", [(("flip", 1),), (("flip", 1), ("affine", 2))])
            ((('flip', 1),),)
        """
        plans = set(self.plans_of(encoder))
        return tuple(variants for variants in together if plans.issuperset(plan for plan, _ in variants))

    def rows(self, encoder: str, setting: Setting) -> list[Float[Tensor, "rows d"]]:
        """The features that a candidate needs, one tensor `[n * (1 + copies), d]` an encoder.

        The rows of an example stand side by side: the example itself, then its variants.

        Args:
            encoder: Encoders, joined by "+".
            setting: Names the variants.
        """
        blocks = []
        for block in encoder_blocks(encoder):
            parts = [self.features[block, NO_PLAN]]
            parts += [self.features[block, plan][:, :copies] for plan, copies in setting.variants]
            blocks.append(torch.cat(parts, 1).flatten(0, 1))
        return blocks

    def row_weights(self, setting: Setting) -> Float[Tensor, " rows"]:
        """Weight of each row of `rows` in training: that of its example, and as much for its variants together.

        Args:
            setting: Says how many variants there are.
        """
        weights = torch.ones(1 + setting.copies, dtype=torch.float64)
        if setting.copies:
            weights[1:] = 1 / setting.copies
        each = torch.ones(len(self), dtype=torch.float64) if self.weights is None else self.weights.double()
        return (each[:, None] * weights).flatten()

    def balanced(self, labels: NDArray[np.int64]) -> "EncodedExamples":
        """The same examples, weighted so that all classes weigh the same; the total stays.

        Args:
            labels: Class `[n]` of each example.

        Example:
            >>> encoded = EncodedExamples({("pixels", "none"): torch.zeros(3, 1, 2)})
            >>> encoded.balanced(np.array([0, 0, 1])).weights.tolist()
            [0.75, 0.75, 1.5]
        """
        targets = F.one_hot(torch.from_numpy(labels)).double()
        return replace(self, weights=balanced_weights(targets, torch.ones(1, len(labels), dtype=torch.float64))[0])

    def select(self, rows: Tensor) -> "EncodedExamples":
        """The features of some of the examples.

        Args:
            rows: Their indices.
        """
        weights = None if self.weights is None else self.weights[rows]
        return EncodedExamples({key: value[rows] for key, value in self.features.items()}, weights)
