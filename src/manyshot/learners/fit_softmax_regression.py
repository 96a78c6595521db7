"""Multinomial logistic regression, for T tasks at once."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.base import InputError


def fit_softmax_regression(
    features: Float[Tensor, "t n d"],
    labels: Float[Tensor, "t n ways"],
    weight: Float[Tensor, "t n"],
    class_mask: Bool[Tensor, "t ways"],
    penalty: float,
    steps: int,
) -> Float[Tensor, "t d ways"]:
    """Fit a linear softmax classifier to each task by accelerated gradient descent from 0 (Nesterov 1983).

    W = argmin sum_i w_i H(y_i, softmax(x_i W)) + lambda/2 ||W||^2

    Step size and momentum follow from a bound of the curvature, so that the error shrinks by at least
    1 - sqrt(lambda / L) per step, L = lambda + max_i sum_j w_j |x_i . x_j| / 2. W = X^T A is represented by A, with one
    row per example, which is cheap for many features and few examples.

    Args:
        features: Features x `[T, n, d]`.
        labels: Class probabilities y `[T, n, ways]`.
        weight: Weights w `[T, n]`.
        class_mask: Mask `[T, ways]` of the classes of each task; the others have zero columns in W.
        penalty: Penalty lambda, above 0.
        steps: Number of gradient steps.

    Returns:
        Coefficients W `[T, d, ways]`.

    Raises:
        InputError: If the penalty is not positive, or `steps` is below 1.

    Example:
        >>> x, class_mask = torch.tensor([[[1.0], [-1.0]]]), torch.ones(1, 2, dtype=torch.bool)
        >>> fit_softmax_regression(x, torch.eye(2)[None], torch.ones(1, 2), class_mask, penalty=0.1, steps=100)
        tensor([[[ 1.3235, -1.3235]]])
    """
    if not penalty > 0 or steps < 1:
        raise InputError(f"penalty={penalty}, steps={steps}: give a positive penalty and at least 1 step")
    gram = features @ features.mT
    bound = penalty + (gram.detach().abs() * weight.detach()[:, None]).sum(-1).amax(-1)[:, None, None] / 2
    root = (penalty / bound).sqrt()
    momentum = (1 - root) / (1 + root)
    absent = ~class_mask[:, None]
    rows = lookahead = torch.zeros_like(labels)
    for _ in range(steps):
        probabilities = (gram @ lookahead).masked_fill(absent, -torch.inf).softmax(-1)
        grad = weight[..., None] * (probabilities - labels) + penalty * lookahead
        previous, rows = rows, lookahead - grad / bound
        lookahead = rows + momentum * (rows - previous)
    return features.mT @ rows
