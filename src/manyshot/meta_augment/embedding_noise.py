"""Gaussian noise on features: the baseline that every augmentation of features has to beat."""

import math

import torch
from torch import nn

from manyshot.meta_augment.feature_noise import FeatureNoise
from manyshot.meta_augment.learned_augmenter import Draws, Varied
from manyshot.meta_augment.support_context import task_context
from manyshot.meta_augment.weight_budget import WeightBudget, check_strength
from manyshot.tasks import Examples


class EmbeddingNoise(FeatureNoise):
    """Add isotropic Gaussian noise of one learned strength to features, `embedding-noise(strength=0.3)`.

    z' = z + s r e,   e ~ N(0, I)

    r is the spread of the task's examples (see `task_context`), so that s means the same for features of any scale.

    Args:
        features: Dimension d of the features.
        strength: Initial strength s.
        learned: Whether to learn s and the weight of generated examples; otherwise they stay fixed.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
        >>> barely = EmbeddingNoise(8, strength=1e-6).make(support, 1, torch.Generator().manual_seed(0))
        >>> torch.allclose(barely.items, support.items, atol=1e-4)
        True
    """

    check_options = staticmethod(check_strength)

    def __init__(self, features: int, strength: float = 0.3, learned: bool = True, weight: float = 1.0) -> None:
        self.check_options(strength, weight)
        super().__init__()
        self.features = features
        self.log_strength = nn.Parameter(torch.tensor(math.log(strength)))
        self.budget = WeightBudget(weight)
        for parameter in self.parameters():
            parameter.requires_grad_(learned)

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Add the noise."""
        unit = task_context(context.items, context).spread[:, None, None]
        noise = self.log_strength.exp() * unit * draws["noise"]
        return support.items.repeat_interleave(copies, 1) + noise, self.budget(support, copies)
