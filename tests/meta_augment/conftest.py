"""Tiny families of tasks whose classes keep or change under a turn, a color or a shift: 8 x 8 pixels, for ridge."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from manyshot.augment.image import Affine
from manyshot.base.seeds import generator
from manyshot.tasks import Episode, Examples

SIZE, EACH = 9, 3


@dataclass(frozen=True)
class Toy:
    """Two-way tasks of some families in turn.

    In "angle kept" classes are a bar and a cross at any angle, in "angle decides" a bar and the same a quarter turn on.
    In "color kept" they are upright, of any color, in "color decides" one shape in two colors; and so for shifts.
    """

    families: tuple[str, ...]
    shots: int = 2
    seed: int = 0

    def batch(self, first: int, count: int) -> Episode:
        tasks = [self.task(number) for number in range(first, first + count)]
        sides = [_together(each) for each in zip(*tasks, strict=True)]
        return Episode(*sides, torch.arange(2).expand(count, -1))

    def task(self, number: int) -> tuple[Examples, Examples]:
        what, how = self.families[number % len(self.families)].split()
        draws = generator(self.seed, "toy", number)
        value = torch.rand((), generator=draws)
        return tuple(self.side(each, what, how, value, draws) for each in (self.shots, EACH))

    def side(self, each: int, what: str, how: str, value: Tensor, draws: torch.Generator) -> Examples:
        label = torch.arange(2).repeat_interleave(each)
        n = len(label)
        images = drawings()[label if how == "kept" else torch.zeros_like(label)].repeat(1, 3, 1, 1)
        amount = torch.rand(n, generator=draws) if how == "kept" else value + 0.5 * label
        angle = {"angle": 360 if how == "kept" else 180}.get(what, 0) * amount
        shift = torch.zeros(n, 2)
        if what == "shift":
            shift[:, 0] = 0.5 * amount if how == "kept" else 0.5 * label - 0.25
        still = torch.zeros(n)
        images = Affine().apply(images, {"degrees": angle, "scale": still + 1, "shear": still, "shift": shift})
        if what == "color":
            phase = amount[:, None] + torch.tensor([0.0, 1 / 3, 2 / 3])
            images = images * (0.5 + 0.4 * (2 * torch.pi * phase).cos())[..., None, None]
        else:
            images = images * torch.tensor([0.9, 0.5, 0.3])[:, None, None]
        labels = torch.eye(2)[label][None]
        return Examples(images[None], labels, torch.ones(1, n), torch.ones(1, 2, dtype=torch.bool))


def drawings() -> Tensor:
    """A bar and a cross."""
    bar = torch.zeros(1, SIZE, SIZE)
    bar[:, 1:-1, SIZE // 2 - 1 : SIZE // 2 + 1] = 1
    return torch.stack([bar, torch.maximum(bar, bar.mT)])


def _together(parts: tuple[Examples, ...]) -> Examples:
    names = ("items", "labels", "weight", "class_mask")
    return Examples(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


@pytest.fixture
def toy() -> type[Toy]:
    """The stream of tasks of toy families."""
    return Toy
