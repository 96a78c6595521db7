"""The learned weight of generated examples, as a function of the number of real ones."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.support_context import per_example
from manyshot.tasks import Examples


def check_strength(strength: float, weight: float) -> None:
    """Check the ranges of a strength and of the weight of generated examples.

    Args:
        strength: Initial strength of a change.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.

    Raises:
        InputError: If one is out of range.
    """
    check_range(1e-6, 1e6, strength=strength, weight=weight)


class WeightBudget(nn.Module):
    """Total weight of the generated examples of a class, which decreases with its number of shots k.

    B(k) = b k^(-softplus(c)): that of b real examples at one shot, less at more. It is divided equally among the
    generated examples: B(k) / (k copies). Both b and c are learned.

    Args:
        weight: Initial value of b.

    Raises:
        InputError: If the weight is out of range.

    Example:
        >>> support = Examples.of(torch.zeros(1, 3, 1), torch.tensor([0, 1, 1]))
        >>> weights = WeightBudget(1.0)(support, copies=2)[0]
        >>> [round(weight, 2) for weight in weights.tolist()]  # 1 / 2 and 2^-0.5 / 4
        [0.5, 0.5, 0.18, 0.18, 0.18, 0.18]
    """

    def __init__(self, weight: float = 1.0) -> None:
        self.check_options(weight)
        super().__init__()
        self.log_weight = nn.Parameter(torch.tensor(math.log(weight)))
        self.fall = nn.Parameter(torch.tensor(math.log(math.expm1(0.5))))  # softplus of it is 0.5

    def set(self, weight: float, fall: float) -> None:
        """Set b, and the exponent by which the weight falls.

        Args:
            weight: b.
            fall: softplus(c), above 0.
        """
        with torch.no_grad():
            self.log_weight.fill_(weight).log_()
            self.fall.fill_(fall).expm1_().log_()

    @staticmethod
    def check_options(weight: float = 1.0) -> None:
        """Check the range of the weight.

        Raises:
            InputError: If it is out of range.
        """
        check_range(1e-6, 1e6, weight=weight)

    def forward(self, support: Examples, copies: int) -> Float[Tensor, "t m"]:
        """Weight of each generated example relative to its support example, in the layout of generated examples."""
        shots = (support.labels * support.weight[..., None]).sum(1).clamp(min=1e-12)
        total = (self.log_weight - F.softplus(self.fall) * shots.log()).exp()
        weight = per_example((total / (shots * copies))[..., None], support.labels)[..., 0]
        return weight.repeat_interleave(copies, 1)
