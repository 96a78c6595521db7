"""Learned multiplicative noise on features, as in Meta-Dropout (Lee, Nam, Yang and Hwang 2020)."""

from torch import nn
from torch.nn import functional as F

from manyshot.meta_augment.feature_noise import FeatureNoise
from manyshot.meta_augment.learned_augmenter import Draws, Varied
from manyshot.meta_augment.support_context import task_context
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples

SOFTPLUS_MEAN = 0.80606
"""Mean of softplus(e), e ~ N(0, 1), by which factors are divided so that their initial mean is 1."""


class MultiplicativeNoise(FeatureNoise):
    """Multiply each entry of a feature by a random factor whose distribution depends on the feature, `multiplicative`.

    z' = z * softplus(mu(z / r) + e) / c,   e ~ N(0, I),   c = E softplus(e)

    mu is linear and initially 0. The learner `meta-dropout` does the same in the hidden layers of the model that it
    adapts; here the features are fixed, and the noise generates further examples.

    Args:
        features: Dimension d of the features.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.

    Raises:
        InputError: If the weight is out of range.

    Example:
        >>> from torch import Generator, arange, rand
        >>> support = Examples.of(rand(2, 5, 8), arange(5))
        >>> made = MultiplicativeNoise(8).make(support, 4, Generator().manual_seed(0))
        >>> made.items.shape, bool((made.items >= 0).all())  # factors are positive
        (torch.Size([2, 20, 8]), True)
    """

    check_options = staticmethod(WeightBudget.check_options)

    def __init__(self, features: int, weight: float = 1.0) -> None:
        super().__init__()
        self.features = features
        self.mean = nn.Linear(features, features)
        nn.init.zeros_(self.mean.weight)
        nn.init.zeros_(self.mean.bias)
        self.budget = WeightBudget(weight)

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Multiply by the factors."""
        unit = task_context(context.items, context).spread[:, None, None]
        mean = self.mean(support.items / unit).repeat_interleave(copies, 1)
        items = support.items.repeat_interleave(copies, 1) * F.softplus(mean + draws["noise"]) / SOFTPLUS_MEAN
        return items, self.budget(support, copies)
