"""The four-block convolutional encoder of few-shot learning (Vinyals et al. 2016)."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets.convolve import convolve
from manyshot.nets.norm import GroupNorm, Norm, make_norm
from manyshot.nets.norm_pool import can_pool
from manyshot.nets.staged import StagedEncoder, check_image_shape, check_widths
from manyshot.nets.task_norm import TaskNorm


class Conv4(StagedEncoder):
    """Blocks of 3x3 convolution, normalization, 2x2 max pooling and ReLU, and a flattened last feature map.

    Pooling before the ReLU gives the same result as after it, on a quarter of the pixels. The attribute `features` is
    the length of a feature vector, a flattened map of `map_shape` (channels, height, width).

    Args:
        channels: Number of channels of the images, usually 1 or 3.
        size: Height and width of the images, in pixels; at least 2 ** pools.
        widths: Number of output channels of each block.
        norm: "batch", or what gradient-based learners need: "group", "support" or "query", see `manyshot.nets.Norm`.
        pools: Number of blocks with pooling, counted from the first; None for all. Relation networks pool twice.

    Raises:
        InputError: If the images are too small for the pooling, the norm is unknown, or an option is out of range.

    Example:
        >>> encoder = Conv4(channels=1, size=28, widths=(32, 32, 32, 32))
        >>> encoder(torch.rand(5, 1, 28, 28)).shape, encoder.features
        (torch.Size([5, 32]), 32)
    """

    def __init__(
        self,
        channels: int,
        size: int,
        widths: Sequence[int] = (64, 64, 64, 64),
        norm: Norm = "batch",
        pools: int | None = None,
    ) -> None:
        super().__init__()
        self.check_options(widths, pools)
        self.pools = len(widths) if pools is None else pools
        if size < 2**self.pools:
            raise InputError(f"size={size}: {self.pools} pooling blocks need images of {2**self.pools} pixels or more")
        self.channels, self.size, self.widths = channels, size, (channels, *widths)
        self.map_shape = (widths[-1], size // 2**self.pools, size // 2**self.pools)
        self.features = math.prod(self.map_shape)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1, bias=False)
            for before, after in zip(self.widths, widths, strict=False)
        )
        # Channels last is twice as fast on the CPU, but not under vmap, where weights differ by task.
        self.layout = torch.channels_last if norm == "batch" else torch.contiguous_format
        self._pools = [block < self.pools for block in range(len(widths))]
        self.norms = nn.ModuleList(make_norm(norm, width) for width in widths)
        for convolution in self.convolutions:
            convolution.to(memory_format=self.layout)  # type: ignore[call-overload]

    @staticmethod
    def check_options(widths: Sequence[int], pools: int | None = None) -> None:
        """Check options that do not depend on the images.

        Args:
            widths: Number of output channels of each block.
            pools: Number of blocks with pooling.

        Raises:
            InputError: If one is out of range.
        """
        check_widths(widths)
        if pools is not None and not 0 <= pools <= len(widths):
            raise InputError(f"pools={pools}: give from 0 to {len(widths)}, the number of blocks")

    def run(self, x: Float[Tensor, "n c h w"], first: int, last: int) -> Float[Tensor, "n ..."]:
        """Run blocks `first` to `last - 1`; the input of block 0 is images of values from 0 to 1."""
        if first == 0:
            check_image_shape(x, self.channels, self.size)
            x = x.contiguous(memory_format=self.layout)
        for convolution, norm, pools in list(zip(self.convolutions, self.norms, self._pools, strict=True))[first:last]:
            weight = cast(Tensor, convolution.weight)
            if isinstance(norm, GroupNorm | TaskNorm) and pools and can_pool(x, weight):
                x = norm.pooled(convolve(x, weight))
            else:
                x = norm(convolution(x))
                x = (F.max_pool2d(x, 2) if pools else x).relu()
        return x.flatten(1) if last == self.depth else x
