"""A learned shift of features, without noise: the baseline that shows how much of a gain needs no diversity."""

from typing import ClassVar

from torch import Generator, nn

from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import task_context
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples


class Shift(LearnedAugmenter):
    """Shift each feature by a linear map of its offset from the task's mean, the same for all copies, `shift`.

    z' = z + A (z - m) + r b

    m is the mean of the task's classes and r its spread (see `task_context`); A and b are learned, and
    initially 0. It draws nothing. With prototypes, the mean effect of any augmenter is such a shift, whatever noise it
    adds.

    Args:
        features: Dimension d of z.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.

    Raises:
        InputError: If the weight is out of range.

    Example:
        >>> import torch
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
        >>> Shift(8).make(support, 1, torch.Generator()).items.equal(support.items)
        True
    """

    space: ClassVar[Space] = "features"

    check_options = staticmethod(WeightBudget.check_options)

    def __init__(self, features: int, weight: float = 1.0) -> None:
        super().__init__()
        self.map = nn.Linear(features, features)
        nn.init.zeros_(self.map.weight)
        nn.init.zeros_(self.map.bias)
        self.budget = WeightBudget(weight)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """No random numbers."""
        return {}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Shift each example, by the same vector for all of its copies."""
        task = task_context(context.items, context)
        unit = task.spread[:, None, None]
        shifted = support.items + unit * self.map((support.items - task.task[:, None]) / unit)
        return shifted.repeat_interleave(copies, 1), self.budget(support, copies)
