"""The normalization layers of encoders, by name."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError, did_you_mean
from manyshot.nets.norm_pool import MomentWeights, can_pool, norm_pool
from manyshot.nets.task_norm import EPSILON, TaskNorm

Norm = Literal["batch", "group", "support", "query"]
"""Normalization of an encoder.

- "batch": batch normalization, by the statistics of the batch in training and by running averages in evaluation;
- "group": group normalization, each example on its own;
- "support": the statistics of the support of an item's task, for its queries too (see `TaskNorm`);
- "query": the same for the support, but queries by the statistics of the query set, which makes a learner transductive.

Gradient-based learners take "group", "support" or "query"; learners of features "batch" or "group".
"""


class GroupNorm(nn.Module):
    """Group normalization from elementary operations (Wu and He 2018).

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with mean and variance of each channel group of
    each example.

    Examples do not depend on each other, so nothing leaks from the query, and tasks can be batched. It avoids torch's
    fused normalization because `torch.vmap` silently gives wrong second-order gradients for `batch_norm`.

    Args:
        groups: Number of channel groups.
        channels: Number of channels, a multiple of `groups`.

    Example:
        >>> GroupNorm(8, 32)(torch.rand(2, 32, 7, 7)).shape
        torch.Size([2, 32, 7, 7])
    """

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels={channels} is not a multiple of groups={groups}")
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normalize the channel groups of each example."""
        grouped = x.reshape(len(x), self.groups, -1)
        centered = grouped - grouped.mean(-1, keepdim=True)
        scaled = centered * torch.rsqrt(centered.square().mean(-1, keepdim=True) + EPSILON)
        normal: Tensor = scaled.reshape(x.shape)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]

    def pooled(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c rows columns"]:
        """Normalize, max-pool 2 x 2 and apply ReLU, in one pass on the CPU."""
        if not can_pool(x, self.weight, self.bias):
            return F.max_pool2d(self(x), 2).relu()
        n, channels, h, w = x.shape
        moments = MomentWeights.by_group(n, channels, self.groups, h * w, x.dtype)
        return norm_pool(x, self.weight, self.bias, moments)


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Build a normalization layer of feature maps.

    Args:
        norm: "batch", "group", "support" or "query", see `Norm`.
        channels: Number of channels of the maps.

    Raises:
        InputError: If there is no normalization of this name.

    Example:
        >>> make_norm("group", 12).groups
        6
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        return GroupNorm(groups_of(channels), channels)
    if norm in ("support", "query"):
        return TaskNorm(channels, norm)
    raise InputError(f"norm='{norm}': {did_you_mean(norm, get_args(Norm))}")


def groups_of(width: int) -> int:
    """The largest number of groups, up to 8, that divides the width.

    Args:
        width: Number of channels.

    Example:
        >>> groups_of(64), groups_of(12), groups_of(7)
        (8, 6, 7)
    """
    return next(groups for groups in range(min(8, width), 0, -1) if width % groups == 0)
