"""Gaussian blur of images and volumes, each by a width of its own."""

from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor


def smooth(values: Float[Tensor, "n c *size"], sigma: Float[Tensor, "n"], widest: float) -> Float[Tensor, "n c *size"]:
    """Blur along every axis; border values repeat.

    Args:
        values: Images or volumes.
        sigma: Standard deviation of each, in pixels.
        widest: Largest standard deviation that may occur: weights reach three times as far.

    Example:
        >>> smooth(torch.ones(1, 1, 4, 4, 4), torch.tensor([1.0]), 1.0).mean()
        tensor(1.0000)
    """
    reach = ceil(3 * widest)
    if reach == 0 or not len(values):
        return values
    distance = torch.arange(-reach, reach + 1, device=values.device)
    weights = (-(distance**2) / (2 * sigma.to(values).clamp(min=1e-3).square()[:, None])).exp()
    weights = weights / weights.sum(1, keepdim=True)
    for axis in range(2, values.ndim):
        length = values.shape[axis]
        index = (torch.arange(length, device=values.device)[:, None] + distance).clamp(0, length - 1)
        matrix = values.new_zeros(len(values), length, length)
        matrix.scatter_add_(2, index.expand(len(values), -1, -1), weights[:, None].expand(-1, length, -1))
        moved = values.movedim(axis, -1)
        values = (moved.flatten(1, -2) @ matrix.mT).view(moved.shape).movedim(-1, axis)
    return values
