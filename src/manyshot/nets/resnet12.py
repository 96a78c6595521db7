"""ResNet-12, the deeper encoder of few-shot learning (Oreshkin et al. 2018; Lee et al. 2019)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets.drop_block import DropBlock
from manyshot.nets.norm import Norm, make_norm
from manyshot.nets.staged import StagedEncoder, check_image_shape, check_widths


class ResNet12(StagedEncoder):
    """Four residual blocks of three 3x3 convolutions each, and the mean over the last map.

    block(x) = drop(max_pool(leaky_relu(norm(conv(...)) + norm(conv_1x1(x))))), with a negative slope of 0.1

    Widths and layout are those of Lee et al. (2019); drop-block (Ghiasi et al. 2018, squares of 5 pixels)
    follows the last two blocks. Where it differs from theirs: the drop probability is constant during training, and
    the first two blocks have no dropout.

    Args:
        channels: Number of channels of the images.
        size: Height and width of the images, in pixels; at least 2 to the number of blocks.
        widths: Number of output channels of each block; 64, 128, 256, 512 in TADAM.
        norm: Normalization, "batch", "group", "support" or "query", see `manyshot.nets.Norm`.
        drop: Fraction of each map that drop-block sets to 0 in training; 0.1 in the paper.
        pooled: Whether features are the mean over the last map, or the flattened map.

    Raises:
        InputError: If the images are too small, the norm is unknown, an option is out of range, or drop-block is
            combined with another norm than "batch": gradient-based learners need the same function at every inner step.

    Example:
        >>> encoder = ResNet12(channels=3, size=32, widths=(8, 16, 32, 64))
        >>> encoder(torch.rand(5, 3, 32, 32)).shape, encoder.features
        (torch.Size([5, 64]), 64)
    """

    def __init__(
        self,
        channels: int,
        size: int,
        widths: Sequence[int] = (64, 160, 320, 640),
        norm: Norm = "batch",
        drop: float = 0.0,
        pooled: bool = True,
    ) -> None:
        super().__init__()
        self.check_options(widths, drop)
        if size < 2 ** len(widths):
            raise InputError(
                f"size={size}: {len(widths)} pooling blocks need images of {2 ** len(widths)} pixels or more"
            )
        if drop and norm != "batch":
            raise InputError(f"drop={drop}: this learner needs an encoder without drop-block; write resnet12(drop=0)")
        side = 1 if pooled else size // 2 ** len(widths)
        self.channels, self.size, self.widths, self.pooled = channels, size, (channels, *widths), pooled
        self.map_shape = (widths[-1], side, side)
        self.features = math.prod(self.map_shape)
        self.layout = torch.channels_last if norm == "batch" else torch.contiguous_format
        drops = [0.0] * (len(widths) - 2) + [drop] * 2
        self.blocks = nn.ModuleList(
            _ResidualBlock(before, after, norm, fraction)
            for before, after, fraction in zip(self.widths, widths, drops[-len(widths) :], strict=False)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="leaky_relu", a=0.1)
                module.to(memory_format=self.layout)  # type: ignore[call-overload]

    @staticmethod
    def check_options(widths: Sequence[int], drop: float = 0.0) -> None:
        """Check options that do not depend on the images.

        Args:
            widths: Number of output channels of each block.
            drop: Fraction of each map that drop-block sets to 0.

        Raises:
            InputError: If one is out of range.
        """
        check_widths(widths)
        if not 0 <= drop < 1:
            raise InputError(f"drop={drop}: give a fraction from 0 to below 1")

    def run(self, x: Float[Tensor, "n c h w"], first: int, last: int) -> Float[Tensor, "n ..."]:
        """Run blocks `first` to `last - 1`; the input of block 0 is images of values from 0 to 1."""
        if first == 0:
            check_image_shape(x, self.channels, self.size)
            x = x.contiguous(memory_format=self.layout)
        for number in range(first, last):
            x = self.blocks[number](x)
        if last < self.depth:
            return x
        return x.mean((2, 3)) if self.pooled else x.flatten(1)


class _ResidualBlock(nn.Module):
    def __init__(self, before: int, after: int, norm: Norm, drop: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width, after, 3, padding=1, bias=False) for width in (before, after, after)
        )
        self.norms = nn.ModuleList(make_norm(norm, after) for _ in range(3))
        self.shortcut = nn.Conv2d(before, after, 1, bias=False)
        self.shortcut_norm = make_norm(norm, after)
        self.drop = DropBlock(drop)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            y = norm(convolution(y))
            y = F.leaky_relu(y, 0.1) if index < 2 else y + self.shortcut_norm(self.shortcut(x))
        # Pooling before the nonlinearity gives the same result as after it, on a quarter of the pixels.
        dropped: Tensor = self.drop(F.leaky_relu(F.max_pool2d(y, 2), 0.1))
        return dropped
