"""The nearest class mean (SimpleShot)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.classify.heads.head import LeftOut, Linear, LinearHead, absent
from manyshot.classify.heads.row_space import RowSpace

TINY = 1e-300


@dataclass(frozen=True)
class Centroid(LinearHead):
    """Classify by the nearest class mean (Wang, Chao, Weinberger and van der Maaten 2019).

    m_c = sum_i w_i y_ic x_i / sum_i w_i y_ic,   logit_c(x) = 2 x . m_c - ||m_c||^2

    This is -||x - m_c||^2 up to a term that is equal for all classes, as in the learner `prototypes`, and linear in x.

    Example:
        >>> x = torch.tensor([[[0.0], [2.0], [9.0]]])
        >>> y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> head = Centroid().fit(x, y, torch.ones(1, 3))
        >>> head(torch.tensor([[[3.0], [6.0]]], dtype=torch.float64)).argmax(-1).tolist()
        [[0, 1]]
    """

    @classmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> list[Linear]:
        """Compute the class means; see `Head.fit_each`."""
        mass = w @ y
        means = (w[..., None] * y).mT @ space.coordinates / mass.clamp(min=TINY)[..., None]
        return [Linear(2 * means, absent(mass, mass) - means.square().sum(-1))] * len(heads)

    @classmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Take each example's part out of the class means; see `Head.leave_out_each`."""
        x, weighted = space.coordinates, w[..., None] * y
        total, own = weighted.mT @ x, (weighted[:, left_out.rows] * left_out.real[..., None])
        rows = x[:, left_out.rows]
        gone = left_out.classes_gone(y, w)
        left = (weighted.sum(1)[:, None] - own.sum(2)).clamp(min=TINY)
        mean = torch.where(gone[..., None] < 0, 0.0, (total[:, None] - own.mT @ rows) / left[..., None])
        logits = 2 * rows @ mean.mT - (mean.square().sum(-1) - gone)[:, :, None]
        return left_out.back(logits, x.shape[1]).expand(len(heads), -1, -1, -1)
