"""The control of every learned change of features: noise of the same size."""

from typing import ClassVar

import torch
from torch import Generator

from manyshot.base import InputError
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.lemda import change_sizes
from manyshot.tasks import Examples


class EqualNoise(LearnedAugmenter):
    """Change each part of a feature vector as far as another augmenter does, in a random direction.

    z'_p = z_p + ||G(z)_p - z_p|| e / ||e||,   e ~ N(0, I)

    Weights are those of the other augmenter G, as are its draws. What G gains beyond this is not size, but direction.

    Args:
        augmenter: A trained augmenter G of features.

    Raises:
        InputError: If it is one of items.

    Example:
        >>> from manyshot.meta_augment.lemda import LeMDA
        >>> support = Examples.of(torch.rand(2, 5, 8), torch.arange(5))
        >>> EqualNoise(LeMDA(8)).make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 8])
    """

    space: ClassVar[Space] = "features"

    def __init__(self, augmenter: LearnedAugmenter) -> None:
        super().__init__()
        if augmenter.space != "features":
            raise InputError(f"{type(augmenter).__name__} changes items; equal noise is for augmenters of features")
        self.augmenter = augmenter
        self.reads, self.speaks = augmenter.reads, augmenter.speaks

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw what the other augmenter draws, then directions."""
        draws = self.augmenter.draw(support, copies, generator)
        tasks, n, d = support.items.shape
        return {**draws, "direction": torch.randn(tasks, n * copies, d, generator=generator)}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Replace each change by one of the same size."""
        items, weight = self.augmenter.vary(support, copies, draws, context)
        base = support.items.repeat_interleave(copies, 1)
        sizes = getattr(self.augmenter, "sizes", [base.shape[-1]])
        lengths = change_sizes(items - base, sizes).unbind(-1)
        parts = torch.split(draws["direction"].to(items), list(sizes), -1)
        directions = [part / part.norm(dim=-1, keepdim=True) for part in parts]
        change = torch.cat([length[..., None] * part for length, part in zip(lengths, directions, strict=True)], -1)
        return base + change, weight
