"""Matching networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu and Wierstra 2016)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.learners.feature_learner import FeatureLearner, Head
from manyshot.learners.ridge import log_parameter
from manyshot.tasks import Examples


class Matching(FeatureLearner):
    """Classify by a vote of the support, weighted by the cosine between features of support and query.

    logit_k(q) = log sum_i a_i y_ik,   a_i = w_i exp(alpha cos(f(q), f(x_i))) / sum_j w_j exp(alpha cos(f(q), f(x_j)))

    Where it differs from the paper: alpha, which is 1 in the paper, starts at 10 and is learned, because the votes are
    nearly uniform without it; full-context embeddings (recurrent networks over the support, which depend on its order)
    are left out, so support and query are encoded in the same way.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`.
        scale: Initial value of alpha.

    Raises:
        InputError: If `scale` is not a positive number.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = Matching(Conv4(channels=1, size=28))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module, scale: float = 10.0) -> None:
        super().__init__(encoder)
        self.log_scale = log_parameter("scale", scale)

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Normalize the features of the support."""
        directions, scale = F.normalize(features, dim=-1), self.log_scale.exp()
        weight, labels = support.weight[:, None], support.labels

        def classify(queries: Float[Tensor, "t m d"], _: Tensor | None) -> Float[Tensor, "t m ways"]:
            similarity = scale * (F.normalize(queries, dim=-1) @ directions.mT)
            similarity = similarity - similarity.masked_fill(weight <= 0, -torch.inf).amax(-1, keepdim=True).detach()
            votes = weight * similarity.masked_fill(weight <= 0, 0).exp()
            probability = (votes @ labels) / votes.sum(-1, keepdim=True)
            return probability.clamp(min=torch.finfo(probability.dtype).tiny).log()

        return classify
