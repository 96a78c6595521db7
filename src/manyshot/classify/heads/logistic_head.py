"""Multinomial logistic regression, solved to convergence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.heads.head import LeftOut, Linear, PenalizedHead, absent
from manyshot.classify.heads.newton import SoftmaxProblem, minimize_softmax
from manyshot.classify.heads.row_space import RowSpace

TOLERANCE = 1e-8
LEFT_OUT_TOLERANCE = 1e-7
"""Leave-one-out logits choose settings, so that three digits do."""
CHUNK = 2**24
"""Most numbers in one array of left-out fits: 128 MiB."""


@dataclass(frozen=True)
class Logistic(PenalizedHead):
    """Multinomial logistic regression with an L2 penalty.

    W, b = argmin sum_i w_i H(y_i, softmax(W x_i + b)) + lambda/2 ||W||^2,   logits(x) = W x + b

    scikit-learn's LogisticRegression(C=1/lambda) solves the same problem. The learner `logistic` fits one class against
    the rest by five differentiable Newton steps, and `manyshot.learners.fit_softmax_regression` takes a fixed number of
    gradient steps without offset, for meta-training; here Newton's method runs until nothing changes.

    Args:
        penalty: Strength lambda of the penalty.

    Raises:
        InputError: If the penalty is not positive.

    Example:
        >>> x = torch.tensor([[[-1.0], [1.0]]])
        >>> head = Logistic(penalty=0.1).fit(x, torch.eye(2), torch.ones(1, 2))
        >>> [round(value, 4) for value in head.weight.flatten().tolist()]
        [-1.3235, 1.3235]
    """

    @classmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> list[Linear]:
        """Solve from the largest penalty to the smallest, each from the solution before; see `Head.fit_each`."""
        mass = w @ y
        bias = absent(mass, mass)
        maps = [one[:, :, 0] for one in _fit_path(heads, space, y, w)]
        return [Linear(one[:, :-1].mT, one[:, -1] + bias) for one in maps]

    @classmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Fit again without each example, from the fit to all, many at once; see `Head.leave_out_each`."""
        gone = left_out.classes_gone(y, w)
        kept = 1 - F.one_hot(left_out.example).to(w.dtype)
        size = max(1, CHUNK // (len(w) * w.shape[1] * y.shape[1]))
        results = []
        for head, maps in zip(heads, _fit_path(heads, space, y, w), strict=True):
            parts = []
            for chunk in torch.split(torch.arange(len(left_out.rows)), size):
                problem = _problem(head, space, y, w[..., None] * kept[:, chunk], gone[:, chunk])
                solved = minimize_softmax(problem, maps.expand(-1, -1, len(chunk), -1), LEFT_OUT_TOLERANCE)
                rows = problem.rows[:, left_out.rows[chunk]]
                parts.append(rows @ solved.permute(0, 2, 1, 3) + gone[:, chunk, None])
            results.append(left_out.back(torch.cat(parts, 1), w.shape[1]))
        return torch.stack(results)


def _problem(head: Logistic, space: RowSpace, y: Tensor, w: Tensor, allowed: Tensor) -> SoftmaxProblem:
    penalty = torch.full((space.energy.shape[1] + 1,), head.penalty, dtype=torch.float64)
    penalty[-1] = 0
    return SoftmaxProblem(F.pad(space.coordinates, (0, 1), value=1.0), y, w, allowed, penalty)


def _fit_path(heads: Sequence[Logistic], space: RowSpace, y: Tensor, w: Tensor) -> list[Tensor]:
    """Coefficients `[B, k + 1, 1, c]` of each head."""
    mass = w @ y
    maps = torch.zeros(len(w), space.energy.shape[1] + 1, 1, y.shape[1], dtype=torch.float64)
    solved = {}
    for head in sorted(set(heads), key=lambda head: -head.penalty):
        problem = _problem(head, space, y, w[..., None], absent(mass, mass)[:, None])
        solved[head] = maps = minimize_softmax(problem, maps, TOLERANCE)
    return [solved[head] for head in heads]
