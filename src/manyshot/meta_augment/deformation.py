"""Neural deformation: a learned distribution over smooth deformations and stroke widths for each class of a task."""

from math import log
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.augment.image import Affine, StrokeWidth
from manyshot.augment.ops.compose import Compose
from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.policy.op_policy import PARAMETER_SCALE
from manyshot.meta_augment.spline import Spline
from manyshot.meta_augment.support_context import gaussian, per_example
from manyshot.meta_augment.support_encoder import RandomConvStatistics
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.runtime.renamed_weights import accept_old_names
from manyshot.tasks import Examples, Source

AFFINE = {"degrees": (8.0, 60.0), "scale": (0.1, log(1.6)), "shear": (0.1, 0.6), "x": (0.05, 0.4), "y": (0.05, 0.4)}
"""Initial standard deviation and bound of each number of the affine map; degrees, and the logarithm of the scale."""
PEN = (0.3, 1.0)
"""Initial standard deviation and bound of the change of stroke width, in pixels."""
FIELD = 0.1
"""Initial standard deviation of the field's coefficients, in units of half the image."""


class Deformation(LearnedAugmenter):
    """Deform each copy by a draw from a learned distribution that depends on the class, `deformation(rank=16)`.

    A deformation is a vector v: angle, log scale, shear and shift of an affine map, coefficients of a cubic B-spline
    field that cannot fold (`Spline`), and a change of stroke width. With units u, a low-rank basis B and standard
    deviations s and d,

        v = u (m(c) + B (s(c) e) + d e'),   e ~ N(0, I_rank), e' ~ N(0, I)

    and each number is then bounded by `b tanh(v / b)`. The mean m and the standard deviations s of the basis come from
    a network conditioned on the class and its task (`RandomConvStatistics`); B and d are learned for all. So the
    distribution can learn that some deformations go together, and that some classes tolerate more of them than others.
    e and e' come in pairs of opposite sign. It is initialized near the plans that are hand-written for handwriting.

    Args:
        channels: Number of channels of the images, bright ink on a dark background.
        cells: Number of the field's cells along each side.
        rank: Number of columns of B.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.
        hidden: Hidden width of the network.
        width: Number of features per image in `RandomConvStatistics`.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
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
        self.conv_statistics = RandomConvStatistics(channels, width)
        first, last = nn.Linear(self.conv_statistics.features, hidden), nn.Linear(hidden, 2 * rank)
        with torch.no_grad():  # nearly one distribution for all initially
            last.weight.mul_(0.1)
            last.bias.zero_()
        self.network = nn.Sequential(first, nn.Tanh(), last)
        accept_old_names(self, {"sight": "conv_statistics"})
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

    def fit_statistics(self, source: Source) -> None:
        """Estimate the statistics that standardize the descriptions, on tasks of these classes."""
        self.conv_statistics.fit_statistics(source)

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the noise along the basis, and the independent noise of each number."""
        tasks, n = support.weight.shape
        return {
            "together": gaussian(tasks, n, copies, self.rank, generator),
            "alone": gaussian(tasks, n, copies, self.numbers, generator),
        }

    def deformations(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> Float[Tensor, "t m numbers"]:
        """Compute the bounded vectors v: degrees, log scale, shear, shift x and y, stroke width, then the field."""
        conditioned = per_example(self.network(self.conv_statistics(context)), support.labels).repeat_interleave(
            copies, 1
        )
        mean, log_spread = conditioned.chunk(2, -1)
        along = mean + log_spread.exp() * draws["together"]
        independent = PARAMETER_SCALE * self.mean + (PARAMETER_SCALE * self.log_spread).exp() * draws["alone"]
        raw = self.unit * (along @ self.basis.mT + independent)
        return self.bound * (raw / self.bound).tanh()

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Deform every copy; the affine map and the field take one resampling."""
        v = self.deformations(support, copies, draws, context).flatten(0, 1)
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
