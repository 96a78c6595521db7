"""Ridge regression to the labels, with all leave-one-out predictions for a grid of penalties in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.classify.heads.head import LeftOut, Linear, PenalizedHead, absent
from manyshot.classify.heads.row_space import RowSpace
from manyshot.runtime.linear_systems import solve_systems


@dataclass(frozen=True)
class Ridge(PenalizedHead):
    """Least squares to the labels with an L2 penalty.

    W, b = argmin sum_i w_i ||W x_i + b - y_i||^2 + lambda ||W||^2,   logit_c(x) = (W x + b)_c

    The learner `ridge` solves the same system with the penalty on the offset, too, differentiably
    (`manyshot.learners.ridge.ridge_solve`). Here one eigendecomposition serves all penalties, and the
    predictions for rows G of an example by the fit without them follow from the hat matrix H,
    y_G - (I - H_GG)^-1 (y_G - prediction_G), the block form of PRESS (Allen 1974).

    Args:
        penalty: Strength lambda of the penalty; `alpha` of scikit-learn's Ridge.

    Raises:
        InputError: If the penalty is not positive.

    Example:
        >>> x = torch.tensor([[[-1.0], [1.0]]])
        >>> head = Ridge(penalty=2.0).fit(x, torch.eye(2), torch.ones(1, 2))
        >>> head.weight.squeeze(), head.bias.squeeze()
        (tensor([-0.2500,  0.2500], dtype=torch.float64), tensor([0.5000, 0.5000], dtype=torch.float64))
    """

    @classmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> list[Linear]:
        """Solve for every penalty; see `Head.fit_each`."""
        mass = w @ y
        bias = absent(mass, mass) + mass / w.sum(1, keepdim=True)
        return [Linear(weight, bias) for weight in _weights(heads, space, y, w)]

    @classmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Use the block formula; see `Head.leave_out_each`."""
        offset = (w @ y / w.sum(1, keepdim=True))[:, None, None]
        rows, weight = space.coordinates[:, left_out.rows], w[:, left_out.rows] * left_out.real
        part = (weight / w.sum(1)[:, None, None])[:, :, None]
        identity = torch.eye(rows.shape[2], dtype=rows.dtype)
        gone, targets, results = left_out.classes_gone(y, w)[:, :, None], y[left_out.rows], []
        for head, maps in zip(heads, _weights(heads, space, y, w), strict=True):
            hat = (rows / (space.energy + head.penalty)[:, None, None]) @ rows.mT * weight[:, :, None] + part
            residual = targets - (rows @ maps.mT[:, None] + offset)
            # The only example of a split has no fit without it: H is then 1, and its answer is left as it is.
            alone = (part.sum(-1) > 1 - 1e-9)[..., None]
            system = torch.where(alone, identity, identity - hat)
            results.append(left_out.back(targets - solve_systems(system, residual) + gone, w.shape[1]))
        return torch.stack(results)


def _weights(heads: Sequence[Ridge], space: RowSpace, y: Tensor, w: Tensor) -> list[Tensor]:
    """W `[B, c, k]` of each head."""
    right = ((w[..., None] * y).mT) @ space.coordinates
    return [right / (space.energy + head.penalty)[:, None] for head in heads]
