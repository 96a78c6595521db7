"""Drop-block: whole squares of a feature map are dropped (Ghiasi, Lin and Le 2018)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError


class DropBlock(nn.Module):
    """Set random squares of each channel to 0 while training, and scale up what is left of the item.

    Corners of squares are drawn with probability gamma = share / b^2 * h^2 / (h - b + 1)^2, so that about `share` of
    the map is dropped.

    Draws come from torch's global generator, as dropout's do: seed it for each step, as `manyshot.training.fit` does.
    Where it differs from the paper: what is left is counted for each item, not for the batch, so that no item sees
    another; the share is the same throughout the training.

    Args:
        share: how much of a map is dropped, from 0 to below 1.
        block: side of the squares, in pixels; as large as the map where that is smaller.

    Raises:
        InputError: if a number is out of range.

    Example:
        >>> x = torch.ones(1, 1, 4, 4)
        >>> DropBlock(share=0.3, block=2)(x).sum(), DropBlock(share=0.3).eval()(x).equal(x)
        (tensor(16.), True)
    """

    draws_noise = True

    def __init__(self, share: float, block: int = 5) -> None:
        super().__init__()
        if not 0 <= share < 1:
            raise InputError(f"drop={share}: give a share from 0 to below 1")
        if block < 1:
            raise InputError(f"block={block}: give at least 1 pixel")
        self.share, self.block = share, block

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Drop squares in training mode; nothing otherwise."""
        if not self.training or self.share == 0:
            return x
        height, width = x.shape[2:]
        block = min(self.block, height, width)
        rows, columns = height - block + 1, width - block + 1
        gamma = self.share / block**2 * (height * width) / (rows * columns)
        corners = torch.bernoulli(x.new_full((*x.shape[:2], rows, columns), min(gamma, 1.0)))
        kept = 1 - F.max_pool2d(F.pad(corners, [block - 1] * 4), block, stride=1)
        return x * kept * (kept[0].numel() / kept.flatten(1).sum(1).clamp(min=1))[:, None, None, None]
