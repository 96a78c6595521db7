"""Which items are mixed with each other, from the numbers that a mix draws."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def partners_of(
    drawn: Float[Tensor, "n others"], group: Int[Tensor, "n"], mask: Bool[Tensor, "n"] | None = None
) -> Int[Tensor, "n others"]:
    """Resolve drawn partners: other items of the same group, or the item itself where it is alone in its group.

    Args:
        drawn: Numbers from 0 to 1: the partner's position among the other items of the group, counted from the item.
        group: Group of each item; items are mixed within their group, and need not stand together.
        mask: Items that may be partners; the others are their own partners. None for all.

    Returns:
        Indices of the partners, below n.

    Example:
        >>> partners_of(torch.tensor([[0.0], [0.0], [0.9], [0.5]]), torch.tensor([0, 0, 0, 1])).flatten().tolist()
        [1, 2, 1, 3]
    """
    n = len(group)
    if n and mask is None and bool((group == group[0]).all()):
        turn = 1 + np.minimum((drawn.cpu().numpy() * (n - 1)).astype(np.int64), max(n - 2, 0))
        return torch.from_numpy((np.arange(n)[:, None] + turn) % n)
    alone = torch.arange(n)[:, None].expand_as(drawn)
    real = torch.ones(n, dtype=torch.bool) if mask is None else mask.cpu()
    group = torch.where(real, group.cpu(), -1)
    order = group.argsort(stable=True)
    _, inverse, counts = torch.unique(group, return_inverse=True, return_counts=True)
    first = (counts.cumsum(0) - counts)[inverse][:, None]
    size = counts[inverse][:, None]
    rank = torch.empty(n, dtype=torch.long).scatter(0, order, torch.arange(n))[:, None] - first
    step = 1 + (drawn.cpu() * (size - 1)).long().clamp(max=(size - 2).clamp(min=0))
    partners = order[first + (rank + step) % size]
    return torch.where(real[:, None], partners, alone)
