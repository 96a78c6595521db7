"""The base class of learners that adapt a head on the features of a shared encoder."""

from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.learners.learner import Classifier, Learner, by_task
from manyshot.learners.part_features import side_by_side
from manyshot.tasks import Examples, Parts

Head = Callable[[Tensor, Tensor | None], Tensor]
"""A function of features `[T, m, ...]` and weights `[T, m]` (or None) of queries, to logits `[T, m, ways]`."""


class FeatureLearner(Learner):
    """Encode support and query with a shared encoder, and adapt a head to the features; subclasses define `head`.

    In training mode an encoder with batch normalization uses the statistics of the current batch: the supports of all T
    tasks together, then the queries of all of them. In evaluation mode it uses running averages, so that predictions
    for an example do not depend on other queries and the learner is inductive.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`, or to whatever the head takes.

    Example:
        >>> class Centroid(FeatureLearner):
        ...     def head(self, features, support):
        ...         centroids = support.labels.mT @ features
        ...         return lambda queries, weight: queries @ centroids.mT
        >>> support = Examples.of(torch.rand(2, 5, 1, 4, 4), torch.arange(5))
        >>> Centroid(nn.Flatten()).adapt(support)(torch.rand(2, 7, 1, 4, 4)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.given_features = False

    @abstractmethod
    def head(self, features: Float[Tensor, "t n *d"], support: Examples) -> Head:
        """Adapt to the support.

        Args:
            features: Features `[T, n, ...]` of the support; zeros for examples of weight 0.
            support: Support of T tasks.
        """

    def body(self) -> nn.Module:
        """The part of the encoder that adaptation does not change (default: all of it)."""
        return self.encoder

    def adapt(self, support: Examples) -> Classifier:
        """Encode the support and adapt the head to it."""
        body = nn.Identity() if self.given_features else self.body()
        head = self.head(_together(by_task(body, support.items, support.weight)), support)

        def classify(queries: Any, weight: Tensor | None = None) -> Tensor:  # noqa: ANN401 - a tensor, or lists for text
            logits = head(_together(by_task(body, queries, weight)), weight)
            return logits.masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify

    def on_features(self) -> "tuple[nn.Module, FeatureLearner] | None":
        """The encoder, and this learner with the same weights on its features; None if it already takes features."""
        if self.given_features:
            return None
        on_features = copy(self)
        on_features.given_features = True
        return self.body(), on_features


def _together(features: Any) -> Tensor:  # noqa: ANN401 - a tensor, or parts
    """Features of several parts as one vector, in which all parts count the same."""
    together: Tensor = side_by_side(features) if isinstance(features, Parts) else features
    return together
