"""Discriminators: items, and what was asked for, in; one score an item out."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.generate.model import Condition


class Discriminator(nn.Module, ABC):
    """Tells real items from made ones: a higher score is more real. No score depends on another item of the batch."""

    @abstractmethod
    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score items, given what was asked of the generator."""


class Plain(Discriminator):
    """s(x) = v . f(x) + b, whatever was asked for.

    Args:
        body: items to features `[n, d]`.
        features: d.

    Example:
        >>> Plain(nn.Flatten(), 64)(torch.rand(5, 1, 8, 8), Condition()).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 1)

    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score items."""
        scores: Tensor = self.head(self.body(items))
        return scores[:, 0]


class Projection(Discriminator):
    """Projection discriminator (Miyato and Koyama 2018): s(x, y) = v . f(x) + b + e_y . f(x).

    Args:
        body: items to features `[n, d]`.
        features: d.
        classes: how many y there are.

    Example:
        >>> judge = Projection(nn.Flatten(), 64, classes=3)
        >>> judge(torch.rand(5, 1, 8, 8), Condition(label=torch.tensor([0, 1, 2, 0, 1]))).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 1)
        self.embedding = nn.Embedding(classes, features)
        nn.init.normal_(self.embedding.weight, std=features**-0.5)

    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score items as members of the classes asked for."""
        assert condition.label is not None  # the game draws what its generator wants
        features: Tensor = self.body(items)
        scores: Tensor = self.head(features)[:, 0] + (self.embedding(condition.label) * features).sum(1)
        return scores


class Pairs(Discriminator):
    """Scores pairs, as in DAGAN: s(x, x') for the item x' that was asked to be like x, or a real one of its class.

    Args:
        body: pairs, joined along their first dimension (the channels of pictures), to features `[n, d]`.
        features: d.

    Example:
        >>> items = torch.rand(5, 1, 8, 8)
        >>> Pairs(nn.Flatten(), 128)(items, Condition(like=items)).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(features, 1)

    def forward(self, items: Float[Tensor, "n ..."], condition: Condition) -> Float[Tensor, " n"]:
        """Score items beside those that they should be like."""
        assert condition.like is not None
        scores: Tensor = self.head(self.body(torch.cat([condition.like, items], 1)))
        return scores[:, 0]
