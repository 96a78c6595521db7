"""Prototypical networks (Snell, Swersky and Zemel 2017), and the nearest variant in their feature space."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.feature_learner import FeatureLearner, Head
from manyshot.tasks import Examples

Match = Literal["mean", "nearest"]


class Prototypes(FeatureLearner):
    """Classify by the nearest class mean in feature space, or by the nearest support example.

    mean:     p_k = sum_i w_i y_ik f(x_i) / sum_i w_i y_ik,   logit_k(q) = -||f(q) - p_k||^2 / tau
    nearest:  logit_k(q) = -min over {i : w_i y_ik > 0} of ||f(q) - f(x_i)||^2 / tau

    "nearest" is for supports with many variants of each example, where the nearest one is a match by deformation and a
    mean would average them out. It uses examples whose weight is above 0, each with its most probable class.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`.
        match: "mean" for class means, "nearest" for the nearest support example.
        temperature: Temperature tau; 1 in the paper.

    Raises:
        InputError: If `match` is unknown or the temperature is not positive.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = Prototypes(Conv4(channels=1, size=28))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module, match: Match = "mean", temperature: float = 1.0) -> None:
        super().__init__(encoder)
        if match not in ("mean", "nearest"):
            raise InputError(f"match='{match}': known: mean, nearest")
        if not temperature > 0:
            raise InputError(f"temperature={temperature}: give a positive number")
        self.match: Match = match
        self.temperature = temperature

    def head(self, features: Float[Tensor, "t n *d"], support: Examples) -> Head:
        """Compute the class means, or collect the examples of each class."""
        if features.ndim != 3:
            raise InputError(
                f"the encoder gives features of shape {list(features.shape[2:])} for each example, and prototypes need "
                "one dimension; add nn.Flatten() or a pooling layer after it"
            )
        if self.match == "mean":
            mass = support.labels * support.weight[..., None]
            prototypes = mass.mT @ features / mass.sum(1)[..., None].clamp(min=1e-12)
            return lambda queries, _: -_squared_distances(queries, prototypes) / self.temperature

        ways = torch.arange(support.labels.shape[-1], device=features.device)
        not_of_class = (support.class_ids[..., None] != ways) | (support.weight[..., None] <= 0)

        def classify(queries: Float[Tensor, "t m d"], _: Tensor | None) -> Float[Tensor, "t m ways"]:
            distances = _squared_distances(queries, features)
            nearest = [distances.masked_fill(mask[:, None], torch.inf).amin(-1) for mask in not_of_class.unbind(-1)]
            return -torch.stack(nearest, -1) / self.temperature

        return classify


def _squared_distances(a: Float[Tensor, "t m d"], b: Float[Tensor, "t n d"]) -> Float[Tensor, "t m n"]:
    """||a_i - b_j||^2 by one matrix product, clamped at 0 against rounding errors."""
    return (a.square().sum(-1)[:, :, None] + b.square().sum(-1)[:, None] - 2 * a @ b.mT).clamp(min=0)
