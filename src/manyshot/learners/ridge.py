"""Ridge regression as the last layer, solved in closed form (Bertinetto, Henriques, Torr and Vedaldi 2019)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners.feature_learner import FeatureLearner, Head
from manyshot.learners.learner import criterion_named
from manyshot.runtime.linear_systems import solve_systems
from manyshot.tasks import Episode, Examples


class Ridge(FeatureLearner):
    """R2-D2: fit a linear map from features to labels by weighted least squares with an L2 penalty.

    W = argmin sum_i w_i ||[f(x_i), 1] W - y_i||^2 + lambda ||W||^2,   logits(q) = alpha [f(q), 1] W

    The solution has a closed form, so its derivative with respect to support items, labels and weights is exact, and
    meta-training differentiates through the whole adaptation. The smaller of the two equivalent systems is solved: n x
    n (Woodbury) or d x d. lambda and alpha are positive numbers that meta-training learns.

    Where it differs from the paper: the offset that the paper adds to all logits is left out, since softmax ignores
    it; alpha starts at 10, because least-squares outputs lie between 0 and 1, for which softmax is nearly uniform.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`.
        penalty: Initial value of lambda.
        scale: Initial value of alpha.
        criterion: Loss of meta-training: "cross-entropy", or "squared-error" for regression, where labels are the
            targets and `scale` should be 1.

    Raises:
        InputError: If `penalty` or `scale` is not a positive number, or the criterion is unknown.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = Ridge(Conv4(channels=1, size=28))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(
        self, encoder: nn.Module, penalty: float = 1.0, scale: float = 10.0, criterion: str = "cross-entropy"
    ) -> None:
        super().__init__(encoder)
        self.criterion = criterion_named(criterion)
        self.log_penalty = log_parameter("penalty", penalty)
        self.log_scale = log_parameter("scale", scale)

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Solve the regressions of all tasks."""
        right = support.weight[..., None] * support.labels
        maps = ridge_solve(with_one(features), support.weight, right, self.log_penalty.exp())
        return lambda queries, _: self.log_scale.exp() * (with_one(queries) @ maps)

    def query_losses(self, episode: Episode) -> Float[Tensor, "t m"]:
        """The criterion of each query example after adaptation."""
        predictions = self.adapt(episode.support)(episode.query.items, episode.query.weight)
        return self.criterion(predictions, episode.query.labels)


def ridge_solve(
    features: Float[Tensor, "*#t n d"],
    weight: Float[Tensor, "*#t n"],
    right: Float[Tensor, "*#t n k"],
    penalty: Float[Tensor, ""],
) -> Float[Tensor, "*t d k"]:
    """Solve (X^T S X + lambda I) W = X^T R, where S is diagonal.

    With fewer rows than features, W = X^T (lambda I + S X X^T)^-1 R, which is the same solution of a smaller system. In
    this form nothing is divided by a weight and no root of a weight is taken, so the derivative is exact at weight 0.

    Args:
        features: Features X `[..., n, d]`.
        weight: Diagonal of S `[..., n]`, at least 0.
        right: Right-hand side R `[..., n, k]`.
        penalty: Penalty lambda, above 0.

    Returns:
        Coefficients W `[..., d, k]`.

    Example:
        >>> x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[2.0], [4.0]])
        >>> ridge_solve(x, torch.ones(2), y, torch.tensor(5.0))  # 10 / (5 + 5)
        tensor([[1.]])
    """
    n, d = features.shape[-2:]
    if n < d:
        system = weight[..., None] * (features @ features.mT)
        dual: Tensor = solve_systems(_with_diagonal(system, penalty), right)
        return features.mT @ dual
    system = features.mT @ (weight[..., None] * features)
    primal: Tensor = solve_systems(_with_diagonal(system, penalty), features.mT @ right)
    return primal


def _with_diagonal(system: Tensor, penalty: Tensor) -> Tensor:
    return system + penalty * torch.eye(system.shape[-1], dtype=system.dtype, device=system.device)


def with_one(features: Float[Tensor, "*t n d"]) -> Float[Tensor, "*t n e"]:
    """The features with a constant 1 appended, whose coefficient is the intercept.

    Args:
        features: Features `[..., n, d]`.
    """
    return F.pad(features, (0, 1), value=1.0)


def log_parameter(name: str, value: float) -> nn.Parameter:
    """A learned positive number, as a parameter that holds its logarithm.

    Args:
        name: Name of the option, for the error message.
        value: Initial value.

    Raises:
        InputError: If the value is not positive and finite.
    """
    if not 0 < value < math.inf:
        raise InputError(f"{name}={value}: give a positive number")
    return nn.Parameter(torch.tensor(math.log(value)))
