"""Samples from distributions borrowed of classes that are known well (Yang, Liu and Xu 2021)."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.base.numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space
from manyshot.meta_augment.support_context import gaussian
from manyshot.tasks import Examples, Source


class Calibration(LearnedAugmenter):
    """Sample around each feature from a Gaussian that is partly that of the nearest base classes.

    u = sign(z) |z|^lambda,   N = the k base classes whose means are nearest to u
    mu = (sum_{c in N} mu_c + u) / (k + 1),   Sigma = mean_{c in N} Sigma_c + alpha s^2 I
    z' = sign(u') |u'|^(1 / lambda),   u' ~ N(mu, Sigma)

    Nothing is trained: `look_at` gathers the statistics of the base classes, which are those set aside for the
    augmenter. Covariances are kept as the items that they are of, so that wide features need no square matrices.

    Where it differs from the paper: base classes are transformed as well; samples are transformed back, so that real
    items and queries stay as they are and any learner can be used, in place of logistic regression in the transformed
    space; alpha, there added to every entry of the covariance, is added to its diagonal, in units of the mean variance
    s^2 of the base classes.

    Args:
        features: d.
        nearest: k.
        alpha: added spread.
        power: lambda of Tukey's ladder, from 0 to 1; 1 leaves features as they are.
        weight: of all made items of a shot beside that shot.
        items: most items of a base class that its covariance is kept by, the first ones.

    Example:
        >>> source = Source.of(torch.rand(40, 8), [f"class {i % 4}" for i in range(40)])
        >>> augmenter = Calibration(8)
        >>> augmenter.look_at(source)
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 8), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> augmenter.make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 8])
    """

    space: ClassVar[Space] = "features"

    means: Tensor
    residuals: Tensor

    def __init__(
        self,
        features: int,
        nearest: int = 2,
        alpha: float = 0.2,
        power: float = 0.5,
        weight: float = 1.0,
        items: int = 50,
    ) -> None:
        self.check_options(nearest, alpha, power, weight, items)
        super().__init__()
        self.nearest, self.alpha, self.power, self.weight, self.items = nearest, alpha, power, weight, items
        self.register_buffer("means", torch.zeros(0, features))
        self.register_buffer("residuals", torch.zeros(0, 0, features))

    @staticmethod
    def check_options(nearest: int, alpha: float, power: float, weight: float, items: int) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(1, 1000, whole=True, nearest=nearest)
        check_range(0, 1e6, alpha=alpha)
        check_range(0.05, 1, power=power)
        check_range(1e-6, 1e6, weight=weight)
        check_range(2, 1_000_000, whole=True, items=items)

    def look_at(self, source: Source) -> None:
        """Gather the mean of each base class, and its items' differences from it.

        Raises:
            InputError: if there are fewer classes than are to be mixed, or a class has one item.
        """
        least = min(int(source.counts.min()), self.items)
        if len(source.class_names) < self.nearest or least < 2:
            raise InputError(
                f"{source.name}: {len(source.class_names)} classes of at least {least} items, but calibration needs "
                f"{self.nearest} of 2; lower nearest, or set more aside"
            )
        every = [source.gather(np.arange(a, b)) for a, b in zip(source.starts[:-1], source.starts[1:], strict=True)]
        known = [self._bent(items) for items in every]
        self.means = torch.stack([items.mean(0) for items in known])
        rest = [items[:least] - mean for items, mean in zip(known, self.means, strict=True)]
        self.residuals = torch.stack(rest)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Of each made item: what follows the classes' covariances, and what is the same in all directions."""
        tasks, n = support.weight.shape
        known = self.nearest * self.residuals.shape[1]
        return {
            "along": gaussian(tasks, n, copies, known, generator),
            "around": gaussian(tasks, n, copies, self.means.shape[1], generator),
        }

    def vary(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> tuple[Tensor, Float[Tensor, "t m"]]:
        """Sample around each item."""
        if not len(self.means):
            raise InputError("calibration has no base classes yet; train it first")
        bent = self._bent(support.items)
        means, residuals = self.means.to(bent), self.residuals.to(bent)
        nearest = torch.cdist(bent.detach(), means.expand(len(bent), -1, -1)).topk(self.nearest, largest=False).indices
        centre = (means[nearest].sum(2) + bent) / (self.nearest + 1)
        by_item = (*support.weight.shape, copies, -1)
        along = draws["along"].reshape(by_item) / ((residuals.shape[1] - 1) * self.nearest) ** 0.5
        known = residuals[nearest].flatten(2, 3)
        spread = (self.alpha * residuals.square().mean()).sqrt()
        sampled = centre[:, :, None] + along @ known + spread * draws["around"].reshape(by_item)
        items = self._straight(sampled.flatten(1, 2))
        return items, torch.full_like(items[..., 0], self.weight / copies)

    def _bent(self, items: Tensor) -> Tensor:
        """Up the ladder: a little is added so that the derivative stays finite at 0, and 0 stays 0."""
        small = 1e-6
        bent: Tensor = items.sign() * ((items.abs() + small) ** self.power - small**self.power)
        return bent

    def _straight(self, items: Tensor) -> Tensor:
        small = 1e-6
        straight: Tensor = items.sign() * ((items.abs() + small**self.power) ** (1 / self.power) - small)
        return straight

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:  # noqa: ANN401
        """How many base classes there are, and of how many items, follows from what is stored."""
        features = self.means.shape[1]
        for name in ("means", "residuals"):
            stored = state_dict.get(prefix + name)
            own = getattr(self, name)
            if stored is not None and stored.ndim == own.ndim and stored.shape[-1] == features:
                setattr(self, name, own.new_zeros(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
