"""The nearest training example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.classify.heads.head import Head, LeftOut
from manyshot.classify.heads.row_space import RowSpace


@dataclass(frozen=True)
class NearestRows:
    """Fitted `Nearest`: logits are minus the squared distance to the nearest row of each class.

    Args:
        rows: Training rows `[B, n, d]`.
        members: Which rows count for which class `[B, n, c]`.
    """

    rows: Float[Tensor, "b n d"]
    members: Bool[Tensor, "b n c"]

    def __call__(self, x: Float[Tensor, "b m d"]) -> Float[Tensor, "b m c"]:
        """Logits of rows.

        Args:
            x: Transformed features `[B, m, d]`.
        """
        return nearest_logits(torch.cdist(x, self.rows).square(), self.members[:, None])


def nearest_logits(distances: Float[Tensor, "b m n"], members: Bool[Tensor, "b #m n c"]) -> Float[Tensor, "b m c"]:
    """Minus the smallest distance to the members of each class; minus infinity for a class without members.

    Args:
        distances: Squared distances `[B, m, n]`.
        members: Which of the n rows count for which class, `[B, 1, n, c]` or one such table for each of the m.
    """
    of_class = [distances.masked_fill(~mask, torch.inf).amin(-1) for mask in members.unbind(-1)]
    return -torch.stack(of_class, -1)


@dataclass(frozen=True)
class Nearest(Head):
    """Classify by the nearest training row: logit_c(x) = -min over rows of class c of ||x - x_i||^2.

    Like the learner `prototypes(match=nearest)`: rows of weight above 0 count, each for its most probable class. Not
    linear, so that a model of this head keeps its training rows.

    Example:
        >>> x = torch.tensor([[[0.0], [2.0], [9.0]]])
        >>> y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> Nearest().fit(x, y, torch.ones(1, 3))(torch.tensor([[[5.0]]], dtype=torch.float64)).tolist()
        [[[-9.0, -16.0]]]
    """

    def fit(self, x: Float[Tensor, "b n d"], y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]) -> NearestRows:
        """Keep the rows; see `Head.fit`."""
        return NearestRows(x.double(), _members(y, w))

    @classmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> list[NearestRows]:
        """Keep the coordinates; see `Head.fit_each`."""
        return [NearestRows(space.coordinates, _members(y, w))] * len(heads)

    @classmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Look among the rows of other examples; see `Head.leave_out_each`."""
        distances = torch.cdist(space.coordinates, space.coordinates).square()
        other = left_out.example[:, None] != left_out.example
        logits = nearest_logits(distances, _members(y, w)[:, None] & other[..., None])
        return logits.expand(len(heads), -1, -1, -1)


def _members(y: Tensor, w: Tensor) -> Tensor:
    return (torch.nn.functional.one_hot(y.argmax(-1), y.shape[1]) > 0) & (w > 0)[..., None]
