"""What learners have in common whose adaptation leaves the encoder alone."""

from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.learners.learner import Classifier, Learner, by_task
from manyshot.tasks import Examples

Head = Callable[[Tensor, Tensor | None], Tensor]
"""Features `[T, m, ...]` of queries and their weights `[T, m]`, if known, to logits `[T, m, ways]`."""


class FeatureLearner(Learner):
    """Encode support and query, and adapt on the features alone: a method is its `head`.

    In training mode an encoder with batch normalisation uses the statistics of the batch that it is given: the supports
    of all T tasks together, then the queries of all of them. In evaluation mode it uses running averages, so that no
    item sees another one and the learner is inductive.

    Args:
        encoder: items `[n, ...]` to features `[n, d]`, or to whatever the head takes.

    Example:
        >>> class Centroid(FeatureLearner):
        ...     def head(self, features, support):
        ...         centres = support.labels.mT @ features
        ...         return lambda queries, weight: queries @ centres.mT
        >>> support = Examples(torch.rand(2, 5, 1, 4, 4), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
        >>> Centroid(nn.Flatten()).adapt(support)(torch.rand(2, 7, 1, 4, 4)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.given_features = False

    @abstractmethod
    def head(self, features: Float[Tensor, "t n *d"], support: Examples) -> Head:
        """Adapt to the support, given its features; those of items of weight 0 are zeros."""

    def body(self) -> nn.Module:
        """The part of the encoder that adaptation leaves alone, items to features: all of it, as a rule."""
        return self.encoder

    def adapt(self, support: Examples) -> Classifier:
        """Encode the support and adapt the head to it."""
        body = nn.Identity() if self.given_features else self.body()
        judge = self.head(by_task(body, support.items, support.weight), support)

        def classify(queries: Any, weight: Tensor | None = None) -> Tensor:  # noqa: ANN401 - a tensor, or lists for text
            logits = judge(by_task(body, queries, weight), weight)
            return logits.masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify

    def on_features(self) -> "tuple[nn.Module, FeatureLearner] | None":
        """The encoder, and this learner, with the same weights, on its features; None if it works on those already."""
        if self.given_features:
            return None
        alone = copy(self)
        alone.given_features = True
        return self.body(), alone
