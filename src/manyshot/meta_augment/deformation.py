"""Neural deformation: for each class of a task, a learned distribution over smooth distortions, slants and pens."""

from math import log
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.augment.image import Affine, StrokeWidth
from manyshot.augment.ops.compose import Compose
from manyshot.base.numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space
from manyshot.meta_augment.policy.op_policy import PARAMETER_SCALE
from manyshot.meta_augment.spline import Spline
from manyshot.meta_augment.support_context import gaussian, per_example
from manyshot.meta_augment.support_encoder import RandomConvStatistics
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples, Source

AFFINE = {"degrees": (8.0, 60.0), "scale": (0.1, log(1.6)), "shear": (0.1, 0.6), "x": (0.05, 0.4), "y": (0.05, 0.4)}
"""Of each number of the affine map: its deviation at first, and the size that it cannot reach; scale as a logarithm."""
PEN = (0.3, 1.0)
"""The same of the stroke's width, in pixels."""
FIELD = 0.1
"""Deviation of the field's coefficients at first, as a share of half the image."""


class Deformation(LearnedAugmenter):
    """Distort each made item by a draw from a distribution that is learned, and differs from class to class.

    A distortion is a vector v: angle, log scale, slant and shift of an affine map, coefficients of a cubic B-spline
    field that cannot fold (`Spline`), and a change of stroke width. With units u, a low-rank basis B and spreads s, d,

        v = u (m(c) + B (s(c) e) + d e'),   e ~ N(0, I_rank), e' ~ N(0, I)

    and each number then bounded by `b tanh(v / b)`. The mean m and the spreads s of the basis come from a network that
    sees the class and its task (`RandomConvStatistics`); B and d are learned for all. So the distribution can learn
    that some distortions go together, and that some classes bear more of them than others. e and e' come in pairs of
    opposite sign. At first it is about what hand-made plans for handwriting do.

    Args:
        channels: of the images, ink bright on dark paper.
        cells: of the field, a side.
        rank: r, columns of B.
        weight: of all made items of a class beside one real item, at first and at one shot.
        hidden: width of the network.
        width: of what `RandomConvStatistics` sees of an item.

    Example:
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> Deformation(1).make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 1, 28, 28])
    """

    space: ClassVar[Space] = "items"

    def __init__(
        self, channels: int, cells: int = 4, rank: int = 16, weight: float = 4.0, hidden: int = 64, width: int = 32
    ) -> None:
        self.check_options(cells, rank, weight, hidden, width)
        super().__init__()
        self.rank = rank
        self.spline = Spline(cells)
        knots = 2 * (cells + 3) ** 2
        units = [*AFFINE.values(), PEN, *[(FIELD, self.spline.bound)] * knots]
        self.numbers = len(units)
        self.register_buffer("unit", torch.tensor([unit for unit, _ in units]), persistent=False)
        self.register_buffer("bound", torch.tensor([bound for _, bound in units]), persistent=False)
        self.unit: Tensor
        self.bound: Tensor
        self.basis = nn.Parameter(0.3 * torch.randn(self.numbers, rank) / rank**0.5)
        self.mean = nn.Parameter(torch.zeros(self.numbers))
        self.log_spread = nn.Parameter(torch.zeros(self.numbers))
        self.sight = RandomConvStatistics(channels, width)
        first, last = nn.Linear(self.sight.features, hidden), nn.Linear(hidden, 2 * rank)
        with torch.no_grad():  # nearly one distribution for all at first
            last.weight.mul_(0.1)
            last.bias.zero_()
        self.network = nn.Sequential(first, nn.Tanh(), last)
        self.budget = WeightBudget(weight)

    @staticmethod
    def check_options(cells: int, rank: int, weight: float, hidden: int, width: int) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(1, 64, whole=True, cells=cells)
        check_range(1, 4096, whole=True, rank=rank, hidden=hidden, width=width)
        check_range(1e-6, 1e6, weight=weight)

    def look_at(self, source: Source) -> None:
        """Take note of what tasks of these classes have in common."""
        self.sight.look_at(source)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Noise along the basis, and of each number of its own."""
        tasks, n = support.weight.shape
        return {
            "together": gaussian(tasks, n, copies, self.rank, generator),
            "alone": gaussian(tasks, n, copies, self.numbers, generator),
        }

    def distortions(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> Float[Tensor, "t m numbers"]:
        """The vectors v of all made items, bounded: degrees, log scale, slant, shift, width, then the field."""
        told = per_example(self.network(self.sight(context)), support.labels).repeat_interleave(copies, 1)
        shift, log_spread = told.chunk(2, -1)
        along = shift + log_spread.exp() * draws["together"]
        own = PARAMETER_SCALE * self.mean + (PARAMETER_SCALE * self.log_spread).exp() * draws["alone"]
        raw = self.unit * (along @ self.basis.mT + own)
        return self.bound * (raw / self.bound).tanh()

    def vary(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> tuple[Tensor, Float[Tensor, "t m"]]:
        """Distort every copy; the affine map and the field are one resampling."""
        v = self.distortions(support, copies, draws, context).flatten(0, 1)
        degrees, scale, shear, x, y, pen = v[:, :6].unbind(-1)
        side = self.spline.cells + 3
        params = {
            "0": {"degrees": degrees, "scale": scale.exp(), "shear": shear, "shift": torch.stack((x, y), -1)},
            "1": {"coefficients": v[:, 6:].reshape(-1, 2, side, side)},
            "2": {"width": pen},
        }
        op = Compose((Affine(), self.spline, StrokeWidth(PEN[1])))
        items: Tensor = op.apply(support.items.repeat_interleave(copies, 1).flatten(0, 1), params)
        return torch.unflatten(items, 0, draws["alone"].shape[:2]), self.budget(support, copies)
