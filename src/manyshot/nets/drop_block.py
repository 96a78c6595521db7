"""Drop-block: dropout of square regions of feature maps (Ghiasi, Lin and Le 2018)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError


class DropBlock(nn.Module):
    """Set random squares of each channel to 0 in training mode, and rescale the rest of the example.

    Corners of squares are drawn with probability gamma = fraction / b^2 * h^2 / (h - b + 1)^2, so that about
    `fraction` of the map is dropped.

    Random numbers come from torch's global generator, as in dropout; `manyshot.training.fit` seeds it for each step.
    Where it differs from the paper: the scale is computed for each example, not for the batch, so that examples do not
    depend on each other; the fraction is constant during training.

    Args:
        fraction: Fraction of a map that is dropped, from 0 to below 1.
        block: Side of the squares, in pixels; smaller maps are dropped as a whole.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> x = torch.ones(1, 1, 4, 4)
        >>> _ = torch.manual_seed(0)
        >>> dropped = DropBlock(fraction=0.3, block=2)(x)
        >>> dropped.mean().isclose(x.mean()), DropBlock(fraction=0.3).eval()(x).equal(x)
        (tensor(True), True)
    """

    draws_noise = True

    def __init__(self, fraction: float, block: int = 5) -> None:
        super().__init__()
        if not 0 <= fraction < 1:
            raise InputError(f"drop={fraction}: give a fraction from 0 to below 1")
        if block < 1:
            raise InputError(f"block={block}: give at least 1 pixel")
        self.fraction, self.block = fraction, block

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Drop squares in training mode; return maps unchanged otherwise."""
        if not self.training or self.fraction == 0:
            return x
        height, width = x.shape[2:]
        block = min(self.block, height, width)
        rows, columns = height - block + 1, width - block + 1
        gamma = self.fraction / block**2 * (height * width) / (rows * columns)
        corners = torch.bernoulli(x.new_full((*x.shape[:2], rows, columns), min(gamma, 1.0)))
        kept = 1 - F.max_pool2d(F.pad(corners, [block - 1] * 4), block, stride=1)
        return x * kept * (kept[0].numel() / kept.flatten(1).sum(1).clamp(min=1))[:, None, None, None]
