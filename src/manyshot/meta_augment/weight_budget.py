"""How much made items count, by how many real ones there are."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.meta_augment.support_context import per_example
from manyshot.tasks import Examples


class WeightBudget(nn.Module):
    """The weight of all made items of a class together, which falls with the number of its shots k.

    B(k) = b k^(-softplus(c)): b real items' worth at one shot, less at more. Each of the k shots' copies gets an equal
    part: B(k) / (k copies). Both b and c are learned.

    Args:
        weight: b at first.

    Raises:
        InputError: if it is not positive.

    Example:
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.zeros(1, 3, 1), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> shares = WeightBudget(1.0)(support, copies=2)[0]
        >>> [round(share, 2) for share in shares.tolist()]  # 1 / 2 and 2^-0.5 / 4
        [0.5, 0.5, 0.18, 0.18, 0.18, 0.18]
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not 0 < weight < math.inf:
            raise InputError(f"weight={weight}: give a positive number")
        self.log_weight = nn.Parameter(torch.tensor(math.log(weight)))
        self.fall = nn.Parameter(torch.tensor(math.log(math.expm1(0.5))))  # softplus of it is 0.5

    def forward(self, support: Examples, copies: int) -> Float[Tensor, "t m"]:
        """The weight of each made item as a share of its item's, in the layout of made items."""
        shots = (support.labels * support.weight[..., None]).sum(1).clamp(min=1e-12)
        total = (self.log_weight - F.softplus(self.fall) * shots.log()).exp()
        each = per_example((total / (shots * copies))[..., None], support.labels)[..., 0]
        return each.repeat_interleave(copies, 1)
