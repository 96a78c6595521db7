"""A U-Net for pixels or voxels (Ronneberger et al. 2015; Çiçek et al. 2016), as nnU-Net builds it, but small."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SegmentationNet(nn.Module):
    """Map images or volumes to values of every pixel: logits of labels, or features.

    Each level has two convolutions of width 3, each followed by instance normalization and a leaky ReLU, as in nnU-Net
    (Isensee et al. 2021). Maps are halved by strided convolutions and doubled by transposed ones; each level has twice
    the channels of the one above, up to 8 times. Items whose sides are not multiples of 2^(levels - 1) are padded with
    their border and cut again.

    Args:
        axes: 2 for images, 3 for volumes.
        channels: Channels of the items.
        outputs: Channels of the result.
        width: Channels of the first level.
        levels: Number of levels.

    Example:
        >>> SegmentationNet(axes=3, channels=1, outputs=2, width=4)(torch.rand(1, 1, 9, 8, 10)).shape
        torch.Size([1, 2, 9, 8, 10])
    """

    def __init__(self, axes: int, channels: int, outputs: int, width: int = 16, levels: int = 3) -> None:
        super().__init__()
        widths = [width * 2 ** min(level, 3) for level in range(levels)]
        self.multiple = 2 ** (levels - 1)
        self.down = nn.ModuleList(
            _block(axes, before, after, stride=1 if level == 0 else 2)
            for level, (before, after) in enumerate(zip([channels, *widths], widths, strict=False))
        )
        self.up = nn.ModuleList(
            _TRANSPOSED[axes](below, above, 2, stride=2)
            for above, below in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.join = nn.ModuleList(_block(axes, 2 * above, above) for above in widths[-2::-1])
        self.last = _PLAIN[axes](widths[0], outputs, 1)

    def forward(self, items: Float[Tensor, "n c *size"]) -> Float[Tensor, "n k *size"]:
        """Logits or features of every pixel."""
        size = items.shape[2:]
        x = pad_to_multiple(items, self.multiple)
        maps: list[Tensor] = []
        for block in self.down:
            x = block(x)
            maps.append(x)
        maps.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([up(x), maps.pop()], 1))
        result: Tensor = self.last(x)
        for axis, length in enumerate(size, start=2):
            result = result.narrow(axis, 0, length)
        return result

    @torch.no_grad()
    def set_prior(self, frequencies: Float[Tensor, " k"]) -> None:
        """Start from the frequencies of the labels, so that no step is spent on learning how rare the foreground is.

        The bias of the last layer becomes their logarithm, as for a rare class in Lin et al. 2017.

        Args:
            frequencies: Fraction of the pixels that each label has, above 0.
        """
        assert self.last.bias is not None
        self.last.bias.copy_(frequencies.log())


def pad_to_multiple(items: Float[Tensor, "n c *size"], multiple: int) -> Float[Tensor, "n c *padded"]:
    """Repeat the far border until every side is a multiple of a number.

    Example:
        >>> pad_to_multiple(torch.zeros(1, 1, 5, 8), 4).shape
        torch.Size([1, 1, 8, 8])
    """
    spare = [-length % multiple for length in items.shape[2:]]
    sides: Sequence[int] = [side for missing in reversed(spare) for side in (0, missing)]
    return F.pad(items, sides, mode="replicate") if any(spare) else items


_PLAIN: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORMS: dict[int, type[nn.InstanceNorm2d | nn.InstanceNorm3d]] = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


def _block(axes: int, before: int, after: int, stride: int = 1) -> nn.Module:
    layers: list[nn.Module] = []
    for channels, step in ((before, stride), (after, 1)):
        layers += [
            _PLAIN[axes](channels, after, 3, stride=step, padding=1, bias=False),
            _NORMS[axes](after, affine=True),
            nn.LeakyReLU(0.01),
        ]
    return nn.Sequential(*layers)
