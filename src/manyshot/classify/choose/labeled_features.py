"""Encoded examples with their classes and groups, as candidates are fitted to them and compared on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.cross_validate import left_out_logits, stratified_folds
from manyshot.classify.encode.encoded_examples import EncodedExamples


@dataclass(frozen=True, eq=False)
class LabeledFeatures:
    """The n examples of a fit.

    Args:
        encoded: Features of the examples.
        labels: Class `[n]` of each example, from 0; each class has one at least.
        groups: Group `[n]` of each example; examples of a group stay together. None if each is a group of its own.
        seed: Seed of all splits.

    Example:
        >>> features = EncodedExamples({("pixels", "none"): torch.randn(6, 1, 3)})
        >>> examples = LabeledFeatures(features, np.array([0, 0, 0, 0, 1, 1]))
        >>> examples.classes, examples.shots, examples.folds(2, seed=0).shape
        (2, 3.0, torch.Size([6]))
    """

    encoded: EncodedExamples
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    seed: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def targets(self) -> Int[Tensor, " n"]:
        """The labels as a tensor."""
        return torch.from_numpy(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def shots(self) -> float:
        """Number of examples of a class, the median over classes."""
        return float(np.median(np.bincount(self.labels)))

    @property
    def all_training(self) -> Float[Tensor, "1 n"]:
        """The training set of all examples."""
        return torch.ones(1, len(self))

    def group_counts(self) -> list[int]:
        """How many examples, or groups, each class has."""
        if self.groups is None:
            return [int(count) for count in np.bincount(self.labels)]
        return [len(np.unique(self.groups[self.labels == label])) for label in range(self.classes)]

    def folds(self, number: int, seed: int) -> Int[Tensor, " n"]:
        """The fold of each example, see `stratified_folds`.

        Args:
            number: Number of folds.
            seed: Seed of this division.
        """
        return torch.from_numpy(stratified_folds(self.labels, number, seed, self.groups))

    def left_out_logits(
        self, candidates: Sequence[Candidate], training: Float[Tensor, "b n"], folds: Int[Tensor, " n"] | None = None
    ) -> Iterator[tuple[int, Float[Tensor, "b n c"]]]:
        """The logits of each example by fits without its fold, see `cross_validate.left_out_logits`.

        Args:
            candidates: What is fitted.
            training: 1 `[B, n]` for the examples of each training set, 0 for the others.
            folds: Fold of each example; None for the plain fits to the training sets.
        """
        return left_out_logits(self.encoded, self.targets, self.classes, candidates, training, folds)
