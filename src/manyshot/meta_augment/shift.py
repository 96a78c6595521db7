"""A learned shift of features, without noise: how much of a gain needs no diversity."""

from typing import ClassVar

from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base.numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space
from manyshot.meta_augment.support_context import task_context
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples


class Shift(LearnedAugmenter):
    """Move each feature by a linear map of where it stands in its task, the same for all copies.

    z' = z + A (z - m) + r b

    m is the mean of the task's classes and r its spread (see `task_context`); A and b, learned, are 0 at first. With
    prototypes and weight, this is all that an augmenter can do on average, whatever noise it adds; it draws nothing.

    Args:
        features: d.
        weight: of all made items of a class beside one real item, at first and at one shot.

    Example:
        >>> import torch
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 8), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> Shift(8).make(support, 1, torch.Generator()).items.equal(support.items)
        True
    """

    space: ClassVar[Space] = "features"

    def __init__(self, features: int, weight: float = 1.0) -> None:
        self.check_options(weight)
        super().__init__()
        self.map = nn.Linear(features, features)
        nn.init.zeros_(self.map.weight)
        nn.init.zeros_(self.map.bias)
        self.budget = WeightBudget(weight)

    @staticmethod
    def check_options(weight: float = 1.0) -> None:
        """Check the range of the weight.

        Raises:
            InputError: If it is out of range.
        """
        check_range(1e-6, 1e6, weight=weight)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Nothing."""
        return {}

    def vary(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> tuple[Tensor, Float[Tensor, "t m"]]:
        """Move each item, once for all of its copies."""
        seen = task_context(context.items, context)
        unit = seen.spread[:, None, None]
        moved = support.items + unit * self.map((support.items - seen.task[:, None]) / unit)
        return moved.repeat_interleave(copies, 1), self.budget(support, copies)
