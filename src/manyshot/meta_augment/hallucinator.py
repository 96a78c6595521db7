"""A network that imagines further features of a class (Wang, Girshick, Hebert and Hariharan 2018, and after)."""

import math
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base.numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space
from manyshot.meta_augment.support_context import gaussian, per_example, task_context
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples, Source


class Hallucinator(LearnedAugmenter):
    """Add to a feature what a network makes of it, its class, its task and noise.

    z' = z + s r (H([z, m_k, m] / r, e) + L e),   e ~ N(0, I)

    m_k and m are the means of the class and of the classes, r is how far the support's items lie from m (see
    `task_context`), so that the scale of the features plays no part; H is a network with two hidden layers, L a matrix.
    s is learned and small at first, but not zero, where the network would get no gradient. For the same reason L begins
    with noise of the strength s: made items come in pairs of opposite noise, so that their loss is even in it, and what
    begins without noise stays without.

    Where it differs from the paper: the network adds to its seed instead of starting from it, sees the class and the
    task, and made items count less where there are many real ones (`WeightBudget`).

    Args:
        features: d.
        noise: how many random numbers an item is made from.
        hidden: width of the network.
        noise_scale: what the noise is multiplied by; 0 leaves a network of the same size that cannot use noise, which
            shows how much of a gain is a learned shift.
        strength: s at first.
        weight: of all made items of a class beside one real item, at first and at one shot.

    Example:
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 8), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> made = Hallucinator(8).make(support, 4, torch.Generator().manual_seed(0))
        >>> made.items.shape, made.origin[0, :6].tolist()
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

    def look_at(self, source: Source) -> None:
        """Let the linear noise begin as items of a class differ: along their principal directions, in units of r."""
        items = source.gather(np.arange(len(source))).double()
        of = torch.from_numpy(source.labels)
        means = torch.zeros(len(source.class_names), items.shape[1], dtype=items.dtype).index_add_(0, of, items)
        rest = items - (means / torch.from_numpy(source.counts)[:, None])[of]
        spread = (items - items.mean(0)).square().mean().sqrt()
        values, directions = torch.linalg.eigh(rest.mT @ rest / len(rest))
        most = min(self.noise, len(values))
        found = (directions * values.clamp(min=0).sqrt() / spread)[:, -most:]
        with torch.no_grad():
            self.linear.weight.zero_()[:, :most] = found.to(self.linear.weight)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """The noise of each made item."""
        tasks, n = support.weight.shape
        return {"noise": gaussian(tasks, n, copies, self.noise, generator)}

    def vary(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> tuple[Tensor, Float[Tensor, "t m"]]:
        """Add what the network makes of each item and its noise."""
        seen = task_context(context.items, context)
        unit = seen.spread[:, None, None]
        z = support.items
        of_class = per_example(seen.classes, support.labels)
        known = torch.cat([z, of_class, seen.task[:, None].expand_as(z)], -1) / unit
        known = known.repeat_interleave(copies, 1)
        noise = self.noise_scale * draws["noise"]
        added = self.network(torch.cat([known, noise], -1)) + self.linear(noise)
        items = z.repeat_interleave(copies, 1) + self.log_strength.exp() * unit * added
        return items, self.budget(support, copies)
