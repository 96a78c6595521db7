"""Logistic regression as the last layer, by Newton steps (Bertinetto, Henriques, Torr and Vedaldi 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.feature_learner import FeatureLearner, Head
from manyshot.learners.ridge import log_parameter, ridge_solve, with_one
from manyshot.tasks import Examples


class Logistic(FeatureLearner):
    """LR-D2: an L2-penalized logistic regression of each class against the rest, fitted by a few Newton steps.

    b_k = argmin sum_i w_i H(y_ik, sigmoid(b_k . [f(x_i), 1])) + lambda/2 ||b_k||^2
    logit_k(q) = alpha b_k . [f(q), 1]

    H is the cross-entropy of two outcomes. Each Newton step is a weighted ridge regression (iteratively reweighted
    least squares), which `ridge_solve` solves; meta-training differentiates through all steps. Five steps come close
    to the minimum. lambda and alpha are positive numbers that meta-training learns.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`.
        steps: Number of Newton steps, from b = 0.
        penalty: Initial value of lambda.
        scale: Initial value of alpha.

    Raises:
        InputError: If `steps` is below 1, or `penalty` or `scale` is not a positive number.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = Logistic(Conv4(channels=1, size=28))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module, steps: int = 5, penalty: float = 1.0, scale: float = 1.0) -> None:
        super().__init__(encoder)
        if steps < 1:
            raise InputError(f"steps={steps}: give at least 1")
        self.steps = steps
        self.log_penalty = log_parameter("penalty", penalty)
        self.log_scale = log_parameter("scale", scale)

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Take the Newton steps of all classes of all tasks."""
        penalty, weight, labels = self.log_penalty.exp(), support.weight[:, None], support.labels.mT
        x = with_one(features)[:, None].expand(-1, labels.shape[1], -1, -1)
        z = torch.zeros_like(labels)
        for _ in range(self.steps):
            probability = z.sigmoid()
            curvature = weight * probability * (1 - probability)
            right = curvature * z + weight * (labels - probability)
            coefficients = ridge_solve(x, curvature, right[..., None], penalty)
            z = (x @ coefficients)[..., 0]
        maps = coefficients[..., 0].mT
        return lambda queries, _: self.log_scale.exp() * (with_one(queries) @ maps)
