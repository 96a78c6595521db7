"""Matching networks (Vinyals, Blundell, Lillicrap, Kavukcuoglu and Wierstra 2016)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.learners.feature_learner import FeatureLearner, Head
from manyshot.learners.ridge import log_parameter
from manyshot.tasks import Examples


class Matching(FeatureLearner):
    """Each support item votes for its class, the more the nearer its features point to the query's.

    logit_k(q) = log sum_i a_i y_ik,   a_i = w_i exp(alpha cos(f(q), f(x_i))) / sum_j w_j exp(alpha cos(f(q), f(x_j)))

    Where it differs from the paper: alpha, 1 there, begins at 10 and is learned, because cosines alone leave the votes
    nearly even; full-context embeddings (recurrent networks over the support, in whose eyes its order matters) are left
    out, so support and query are encoded alike.

    Args:
        encoder: items `[n, ...]` to features `[n, d]`.
        scale: alpha at first.

    Raises:
        InputError: if scale is not a positive number.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = Matching(Conv4(channels=1, size=28))
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module, scale: float = 10.0) -> None:
        super().__init__(encoder)
        self.log_scale = log_parameter("scale", scale)

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Keep the directions of the support's features; the rest happens when a query comes."""
        directions, scale = F.normalize(features, dim=-1), self.log_scale.exp()
        weight, labels = support.weight[:, None], support.labels

        def judge(queries: Float[Tensor, "t m d"], _: Tensor | None) -> Float[Tensor, "t m ways"]:
            likeness = scale * (F.normalize(queries, dim=-1) @ directions.mT)
            likeness = likeness - likeness.masked_fill(weight <= 0, -torch.inf).amax(-1, keepdim=True).detach()
            votes = weight * likeness.masked_fill(weight <= 0, 0).exp()
            share = (votes @ labels) / votes.sum(-1, keepdim=True)
            return share.clamp(min=torch.finfo(share.dtype).tiny).log()

        return judge
