"""Discriminators: one score per example, given the condition."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.generate.generative_model import Condition


class Discriminator(nn.Module, ABC):
    """Scores examples: the higher, the more likely real. No score depends on another example of the batch."""

    @abstractmethod
    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score examples, given the conditions of the generative model."""


class UnconditionalDiscriminator(Discriminator):
    """Unconditional discriminator: s(x) = v . f(x) + b.

    Args:
        body: Module from examples to features `[n, d]`.
        features: Number of features d.

    Example:
        >>> UnconditionalDiscriminator(nn.Flatten(), 64)(torch.rand(5, 1, 8, 8), Condition()).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 1)

    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score examples."""
        scores: Tensor = self.head(self.body(items))
        return scores[:, 0]


class ProjectionDiscriminator(Discriminator):
    """Projection discriminator (Miyato and Koyama 2018): s(x, y) = v . f(x) + b + e_y . f(x).

    Args:
        body: Module from examples to features `[n, d]`.
        features: Number of features d.
        classes: Number of classes y.

    Example:
        >>> discriminator = ProjectionDiscriminator(nn.Flatten(), 64, classes=3)
        >>> discriminator(torch.rand(5, 1, 8, 8), Condition(label=torch.tensor([0, 1, 2, 0, 1]))).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 1)
        self.embedding = nn.Embedding(classes, features)
        nn.init.normal_(self.embedding.weight, std=features**-0.5)

    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score examples as members of the classes that were asked for."""
        assert condition.label is not None  # batches hold the condition that the model needs
        features: Tensor = self.body(items)
        scores: Tensor = self.head(features)[:, 0] + (self.embedding(condition.label) * features).sum(1)
        return scores


class PairDiscriminator(Discriminator):
    """Discriminator of pairs, as in DAGAN: s(x, x') for the given example x and a generated or real x' of its class.

    Args:
        body: Module from pairs, concatenated along the first dimension (the channels of images), to features `[n, d]`.
        features: Number of features d.

    Example:
        >>> items = torch.rand(5, 1, 8, 8)
        >>> PairDiscriminator(nn.Flatten(), 128)(items, Condition(like=items)).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 1)

    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score examples paired with the given ones."""
        assert condition.like is not None
        scores: Tensor = self.head(self.body(torch.cat([condition.like, items], 1)))
        return scores[:, 0]
