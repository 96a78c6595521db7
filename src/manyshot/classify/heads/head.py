"""The contract of heads: what they are fitted to, and the linear classifier that most of them give."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.heads.row_space import RowSpace, decompose

Classifier = Callable[[Tensor], Tensor]
"""Rows `[B, m, d]` to logits `[B, m, c]`."""


@dataclass(frozen=True)
class Linear:
    """Linear classifiers of B splits.

    Args:
        weight: `[B, c, d]`.
        bias: `[B, c]`; minus infinity for a class without training examples.
    """

    weight: Float[Tensor, "b c d"]
    bias: Float[Tensor, "b c"]

    def __call__(self, x: Float[Tensor, "b m d"]) -> Float[Tensor, "b m c"]:
        """Logits of rows.

        Args:
            x: Transformed features `[B, m, d]`.
        """
        return x @ self.weight.mT + self.bias[:, None]


@dataclass(frozen=True)
class LeftOut:
    """The rows that are left out together: all variants of one example, or all rows of a fold.

    Args:
        rows: Indices `[e, v]` of the rows of each example, filled up by repeating its first.
        real: 1.0 `[e, v]` where `rows` is not filled up.
        example: The example `[n]` of each row, an index into `rows`.
    """

    rows: Int[Tensor, "e v"]
    real: Float[Tensor, "e v"]
    example: Int[Tensor, " n"]

    @staticmethod
    def of(example_ids: Int[Tensor, " n"]) -> "LeftOut":
        """Group rows by example.

        Args:
            example_ids: The example `[n]` of each row; any numbers.

        Example:
            >>> LeftOut.of(torch.tensor([7, 3, 7])).rows.tolist()
            [[1, 1], [0, 2]]
        """
        _, inverse, counts = torch.unique(example_ids, return_inverse=True, return_counts=True)
        order = inverse.argsort(stable=True)
        start = counts.cumsum(0) - counts
        steps = torch.arange(int(counts.max()), device=counts.device)
        real = steps < counts[:, None]
        return LeftOut(order[start[:, None] + torch.where(real, steps, 0)], real.double(), inverse)

    def back(self, values: Float[Tensor, "*b e v c"], n: int) -> Float[Tensor, "*b n c"]:
        """Values by example as values by row.

        Args:
            values: `[..., e, v, c]`.
            n: Number of rows.
        """
        result = values.new_empty(*values.shape[:-3], n, values.shape[-1])
        real = self.real.bool()
        result[..., self.rows[real], :] = values[..., real, :]
        return result

    def classes_gone(self, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]) -> Float[Tensor, "b e c"]:
        """Minus infinity where leaving the example out leaves a class without examples, else 0.

        Args:
            y: Labels `[n, c]`.
            w: Weights `[B, n]`.
        """
        own = (w[:, self.rows] * self.real)[..., None] * y[self.rows]
        return absent(w @ y, (w @ y)[:, None] - own.sum(2))


def absent(before: Float[Tensor, "b c"], mass: Float[Tensor, "b *e c"]) -> Float[Tensor, "b *e c"]:
    """Minus infinity for classes without mass, 0 for the others.

    Args:
        before: Mass `[B, c]` of each class before anything was left out, the scale of rounding errors.
        mass: What is left of it, `[B, c]` or `[B, e, c]`.
    """
    scale = before[:, None] if mass.ndim == 3 else before
    return torch.where(mass > 1e-9 * scale, 0.0, -torch.inf).double()


class Head(ABC):
    """A classifier of frozen features, fitted to B weighted splits of the same rows at once.

    Learners (`manyshot.learners`) hold an encoder, adapt to T tasks and are differentiated in meta-training; heads
    classify features that do not change, are solved to convergence in float64, and know what they would have answered
    for each training example had it been left out. Heads of one class are fitted together, so that a grid of penalties
    costs little more than one.

    A head is a frozen dataclass of its settings. It solves its problem in the coordinates of a `RowSpace`, which
    changes nothing, since all heads depend on the rows only through their inner products.
    """

    @abstractmethod
    def fit(self, x: Float[Tensor, "b n d"], y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]) -> Classifier:
        """Fit each split.

        Args:
            x: Transformed features `[B, n, d]`.
            y: Labels `[n, c]`, rows of sum 1.
            w: Weights `[B, n]`, 0 for rows that are left out.

        Returns:
            Maps rows `[B, m, d]` to logits `[B, m, c]`.
        """

    @classmethod
    @abstractmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> Sequence[Classifier]:
        """Fit several heads of this class to the coordinates of a row space.

        Args:
            heads: Heads that differ in their settings.
            space: The rows; all float64.
            y: Labels `[n, c]`.
            w: Weights `[B, n]`.

        Returns:
            Classifiers of rows in these coordinates.
        """

    @classmethod
    @abstractmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Logits of each row by the head fitted without that row's example.

        Args:
            heads: Heads that differ in their settings.
            space: The rows; all float64.
            y: Labels `[n, c]`.
            w: Weights `[B, n]`.
            left_out: Which rows are one example.
        """


class LinearHead(Head):
    """A head whose classifiers are `Linear`."""

    def fit(self, x: Float[Tensor, "b n d"], y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]) -> Linear:
        """Fit each split; see `Head.fit`."""
        x, y, w = x.double(), y.double(), w.double()
        space = decompose(x, w)
        (inner,) = self.fit_each([self], space, y, w)
        weight = inner.weight @ space.axes
        return Linear(weight, inner.bias - (weight @ space.mean[..., None])[..., 0])

    @classmethod
    @abstractmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> list[Linear]:
        """Fit one classifier for each of b sets of labeled features."""

    @classmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Fit again without each example, for heads of your own; ours have faster ways."""
        result = torch.zeros(len(heads), *w.shape, y.shape[1], dtype=torch.float64)
        for rows in (left_out.example == example for example in range(len(left_out.rows))):
            kept = torch.where(rows, 0.0, w)
            rest = decompose(space.coordinates, kept)
            coordinates = (space.coordinates[:, rows] - rest.mean[:, None]) @ rest.axes.mT
            for head, classifier in enumerate(cls.fit_each(heads, rest, y, kept)):
                result[head][:, rows] = classifier(coordinates)
        return result


@dataclass(frozen=True)
class PenalizedHead(LinearHead):
    """A linear head with a penalty on its weights.

    Args:
        penalty: Strength of the penalty.

    Raises:
        InputError: If the penalty is not positive.
    """

    penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.penalty < math.inf:
            raise InputError(f"penalty={self.penalty}: give a positive number")
