"""Normalisation that is right where tasks are batched."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GroupNorm(nn.Module):
    """Group normalisation from elementary operations (Wu and He 2018).

    y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with the mean and the variance of each item's own
    channel groups.

    No item sees another one's statistics, so nothing leaks from the query, and tasks may be batched at will. torch's
    fused normalisations are avoided because `torch.vmap` over `batch_norm` gives wrong second-order gradients without
    a word.

    Args:
        groups: number of channel groups.
        channels: number of channels, a multiple of groups.

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
        """Normalise each item's channel groups."""
        grouped = x.reshape(len(x), self.groups, -1)
        centred = grouped - grouped.mean(-1, keepdim=True)
        scaled = centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5)
        normal: Tensor = scaled.reshape(x.shape)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]
