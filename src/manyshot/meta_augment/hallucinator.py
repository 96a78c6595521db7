"""Hallucinator: a network that generates features of a class (after Wang, Girshick, Hebert and Hariharan 2018)."""

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, nn

from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import gaussian, per_example, task_context
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples, Source


class Hallucinator(LearnedAugmenter):
    """Add to each feature a network's output from the feature, its class, its task and noise, `hallucinator(noise=16)`.

    z' = z + s r (H([z, m_k, m] / r, e) + L e),   e ~ N(0, I)

    m_k is the mean of the class, m the mean of the class means, and r the spread of the support's examples around m
    (see `task_context`), so that the scale of the features has no effect; H is a network with two hidden layers, L a
    matrix. s is learned, and initially small but not zero, where the network would get no gradient. For the same reason
    L is not initialized with zeros: noise comes in pairs of opposite sign, so the loss is even in L, and its gradient
    at zero vanishes.

    Differences from the paper: the network's output is added to the feature instead of replacing it, the network is
    conditioned on class and task, and generated examples weigh less where there are many real ones
    (`WeightBudget`).

    Args:
        features: Dimension d of the features.
        noise: Dimension of the noise e.
        hidden: Hidden width of the network.
        noise_scale: Factor of the noise; 0 gives a network of the same size that cannot use noise, which shows how
            much of a gain is a learned shift.
        strength: Initial strength s.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
        >>> generated = Hallucinator(8).make(support, 4, torch.Generator().manual_seed(0))
        >>> generated.items.shape, generated.origin[0, :6].tolist()
        (torch.Size([2, 20, 8]), [0, 0, 0, 0, 1, 1])
    """

    space: ClassVar[Space] = "features"

    def __init__(
        self,
        features: int,
        noise: int = 16,
        hidden: int = 128,
        noise_scale: float = 1.0,
        strength: float = 0.3,
        weight: float = 1.0,
    ) -> None:
        self.check_options(noise, hidden, noise_scale, strength, weight)
        super().__init__()
        self.noise, self.noise_scale = noise, noise_scale
        self.network = nn.Sequential(
            nn.Linear(3 * features + noise, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, features),
        )
        self.linear = nn.Linear(noise, features, bias=False)
        nn.init.normal_(self.linear.weight, std=noise**-0.5)
        self.log_strength = nn.Parameter(torch.tensor(math.log(strength)))
        self.budget = WeightBudget(weight)

    @staticmethod
    def check_options(noise: int, hidden: int, noise_scale: float, strength: float, weight: float) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(1, 4096, whole=True, noise=noise, hidden=hidden)
        check_range(0, 100, noise_scale=noise_scale)
        check_range(1e-6, 1e6, strength=strength, weight=weight)

    def fit_statistics(self, source: Source) -> None:
        """Initialize L with the principal components of the within-class differences, in units of r."""
        items = source.gather(np.arange(len(source))).double()
        labels = torch.from_numpy(source.labels)
        means = torch.zeros(len(source.class_names), items.shape[1], dtype=items.dtype).index_add_(0, labels, items)
        residuals = items - (means / torch.from_numpy(source.counts)[:, None])[labels]
        spread = (items - items.mean(0)).square().mean().sqrt()
        values, directions = torch.linalg.eigh(residuals.mT @ residuals / len(residuals))
        most = min(self.noise, len(values))
        components = (directions * values.clamp(min=0).sqrt() / spread)[:, -most:]
        with torch.no_grad():
            self.linear.weight.zero_()[:, :most] = components.to(self.linear.weight)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the noise of each copy, in pairs of opposite sign."""
        tasks, n = support.weight.shape
        return {"noise": gaussian(tasks, n, copies, self.noise, generator)}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Add the output of the network to each copy."""
        task = task_context(context.items, context)
        unit = task.spread[:, None, None]
        z = support.items
        class_mean = per_example(task.classes, support.labels)
        inputs = torch.cat([z, class_mean, task.task[:, None].expand_as(z)], -1) / unit
        inputs = inputs.repeat_interleave(copies, 1)
        noise = self.noise_scale * draws["noise"]
        added = self.network(torch.cat([inputs, noise], -1)) + self.linear(noise)
        items = z.repeat_interleave(copies, 1) + self.log_strength.exp() * unit * added
        return items, self.budget(support, copies)
