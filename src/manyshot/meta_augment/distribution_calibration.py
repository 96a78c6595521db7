"""Distribution calibration: samples from Gaussians of similar base classes (Yang, Liu and Xu 2021)."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import gaussian
from manyshot.tasks import Examples, Source

OFFSET = 1e-6
"""Added to absolute values before powers are taken."""


class Calibration(LearnedAugmenter):
    """Sample around each feature from a Gaussian calibrated by the nearest base classes, `calibration(nearest=2)`.

    u = sign(z) |z|^lambda,   N = the k base classes whose means are nearest to u
    mu = (sum_{c in N} mu_c + u) / (k + 1),   Sigma = mean_{c in N} Sigma_c + alpha s^2 I
    z' = sign(u') |u'|^(1 / lambda),   u' ~ N(mu, Sigma)

    Nothing is trained: `fit_statistics` estimates the statistics of the base classes, which are those set aside for the
    augmenter. Covariances are stored as residuals of examples, so that wide features need no square matrices.

    Differences from the paper: base classes are transformed as well; samples are transformed back, so that real
    examples and queries stay as they are and any learner can be used, instead of logistic regression in the transformed
    space; alpha, which the paper adds to every entry of the covariance, is added to its diagonal, in units of the mean
    variance s^2 of the base classes.

    Args:
        features: Dimension d of the features.
        nearest: Number k of base classes per example.
        alpha: Variance added in every direction, relative to the mean variance of the base classes.
        power: Exponent lambda of Tukey's ladder of powers, up to 1, which leaves features as they are.
        weight: Total weight of the generated examples of a support example, relative to it.
        items: Largest number of examples per base class that its covariance is estimated from.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> source = Source.of(torch.rand(40, 8), [f"class {i % 4}" for i in range(40)])
        >>> augmenter = Calibration(8)
        >>> augmenter.fit_statistics(source)
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
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

    def fit_statistics(self, source: Source) -> None:
        """Compute the mean of each base class, and the residuals of its examples.

        Raises:
            InputError: If there are fewer than `nearest` classes, or a class has one example.
        """
        least = min(int(source.counts.min()), self.items)
        if len(source.class_names) < self.nearest or least < 2:
            raise InputError(
                f"{source.name}: {len(source.class_names)} classes of at least {least} examples, but calibration needs "
                f"{self.nearest} classes of 2; lower nearest, or set more classes aside"
            )
        by_class = [source.gather(np.arange(a, b)) for a, b in zip(source.starts[:-1], source.starts[1:], strict=True)]
        transformed = [self._transform(items) for items in by_class]
        self.means = torch.stack([items.mean(0) for items in transformed])
        residuals = [items[:least] - mean for items, mean in zip(transformed, self.means, strict=True)]
        self.residuals = torch.stack(residuals)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the noise along the residuals of the nearest classes, and the isotropic noise."""
        tasks, n = support.weight.shape
        directions = self.nearest * self.residuals.shape[1]
        return {
            "along": gaussian(tasks, n, copies, directions, generator),
            "around": gaussian(tasks, n, copies, self.means.shape[1], generator),
        }

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Sample around each example."""
        if not len(self.means):
            raise InputError("calibration has no base classes yet; train it first")
        z = self._transform(support.items)
        means, residuals = self.means.to(z), self.residuals.to(z)
        nearest = torch.cdist(z.detach(), means.expand(len(z), -1, -1)).topk(self.nearest, largest=False).indices
        center = (means[nearest].sum(2) + z) / (self.nearest + 1)
        shape = (*support.weight.shape, copies, -1)
        along = draws["along"].reshape(shape) / ((residuals.shape[1] - 1) * self.nearest) ** 0.5
        directions = residuals[nearest].flatten(2, 3)
        std = (self.alpha * residuals.square().mean()).sqrt()
        sampled = center[:, :, None] + along @ directions + std * draws["around"].reshape(shape)
        items = self._inverse_transform(sampled.flatten(1, 2))
        return items, torch.full_like(items[..., 0], self.weight / copies)

    def _transform(self, items: Tensor) -> Tensor:
        """sign(z) |z|^lambda, with a small offset that keeps the derivative at 0 finite, and maps 0 to 0."""
        result: Tensor = items.sign() * ((items.abs() + OFFSET) ** self.power - OFFSET**self.power)
        return result

    def _inverse_transform(self, items: Tensor) -> Tensor:
        """The inverse of `_transform`."""
        result: Tensor = items.sign() * ((items.abs() + OFFSET**self.power) ** (1 / self.power) - OFFSET)
        return result

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:  # noqa: ANN401
        """Take the numbers of base classes and of residuals from the stored tensors."""
        features = self.means.shape[1]
        for name in ("means", "residuals"):
            stored = state_dict.get(prefix + name)
            current = getattr(self, name)
            if stored is not None and stored.ndim == current.ndim and stored.shape[-1] == features:
                setattr(self, name, current.new_zeros(stored.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
