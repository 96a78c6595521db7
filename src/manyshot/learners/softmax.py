"""Multinomial logistic regressions of T tasks at once."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.base import InputError


def fit_softmax(
    features: Float[Tensor, "t n d"],
    labels: Float[Tensor, "t n ways"],
    weight: Float[Tensor, "t n"],
    class_mask: Bool[Tensor, "t ways"],
    penalty: float,
    steps: int,
) -> Float[Tensor, "t d ways"]:
    """Fit a linear softmax classifier to each task by accelerated gradient steps from 0 (Nesterov 1983).

    W = argmin sum_i w_i H(y_i, softmax(x_i W)) + lambda/2 ||W||^2

    Step size and momentum follow from a bound of the curvature, so that the error shrinks by at least
    1 - sqrt(lambda / L) a step, L = lambda + max_i sum_j w_j |x_i . x_j| / 2. W = X^T A is kept as A, one row an item,
    which costs nothing where features are many and items few.

    Args:
        features: X.
        labels: y, rows of class shares.
        weight: w.
        class_mask: classes that a task lacks keep a zero column in W.
        penalty: lambda, above 0.
        steps: how many.

    Raises:
        InputError: if the penalty is not positive, or steps is below 1.

    Example:
        >>> x, there = torch.tensor([[[1.0], [-1.0]]]), torch.ones(1, 2, dtype=torch.bool)
        >>> fit_softmax(x, torch.eye(2)[None], torch.ones(1, 2), there, penalty=0.1, steps=100)
        tensor([[[ 1.3235, -1.3235]]])
    """
    if not penalty > 0 or steps < 1:
        raise InputError(f"penalty={penalty}, steps={steps}: give a positive penalty and at least 1 step")
    likeness = features @ features.mT
    bound = penalty + (likeness.detach().abs() * weight.detach()[:, None]).sum(-1).amax(-1)[:, None, None] / 2
    root = (penalty / bound).sqrt()
    momentum = (1 - root) / (1 + root)
    absent = ~class_mask[:, None]
    rows = ahead = torch.zeros_like(labels)
    for _ in range(steps):
        chance = (likeness @ ahead).masked_fill(absent, -torch.inf).softmax(-1)
        slope = weight[..., None] * (chance - labels) + penalty * ahead
        before, rows = rows, ahead - slope / bound
        ahead = rows + momentum * (rows - before)
    return features.mT @ rows
