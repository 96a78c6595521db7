"""Networks of generative models and discriminators: fully connected, and with strided convolutions."""

import math
from itertools import pairwise
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from manyshot.base import InputError
from manyshot.nets import groups_of

N = TypeVar("N", bound=nn.Module)

SLOPE = 0.2
SMALLEST_MAP = 4


def mlp(inputs: int, width: int, hidden: int, outputs: int) -> nn.Sequential:
    """Build fully connected layers with leaky ReLU between them.

    Args:
        inputs: Number of inputs; examples of any shape are flattened.
        width: Width of each hidden layer.
        hidden: Number of hidden layers.
        outputs: Number of outputs.

    Example:
        >>> mlp(64, 32, 2, 1)(torch.rand(5, 1, 8, 8)).shape
        torch.Size([5, 1])
    """
    widths = [inputs, *[width] * hidden]
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.LeakyReLU(SLOPE))]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(widths[-1], outputs))


class UnitRange(nn.Module):
    """Map any numbers to pixels from 0 to 1: (tanh(x) + 1) / 2."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the map."""
        return x.tanh().add(1).div(2)


def count_stages(size: int) -> int:
    """Number of times an image is halved until its map has 4 to 7 pixels per side.

    Example:
        >>> [count_stages(size) for size in (4, 8, 12, 28, 32, 84)]
        [0, 1, 1, 2, 3, 4]
    """
    return max(0, int(math.log2(size / SMALLEST_MAP)))


def check_size(size: int) -> None:
    """Check that images are large enough for convolutions.

    Raises:
        InputError: If they are not.
    """
    if size < SMALLEST_MAP:
        raise InputError(f"images of {size} pixels: convolutions need at least {SMALLEST_MAP}; use the model 'gan'")


class DCGANDecoder(nn.Module):
    """Decode a vector to an image, as in DCGAN (Radford, Metz and Chintala 2016).

    Linear to a map of 4 to 7 pixels a side, then transposed convolutions 4 x 4 of stride 2, each with group
    normalization and ReLU, and the last with tanh; the paper's batch normalization would make an item depend on its
    batch. A size that is no multiple is cut from the middle of the next larger one.

    Args:
        inputs: Dimension of the vector.
        channels: Number of channels of the image.
        size: Height and width of the image.
        width: Channels of the last hidden map; each smaller map has twice as many.

    Example:
        >>> DCGANDecoder(16, channels=1, size=28, width=8)(torch.rand(5, 16)).shape
        torch.Size([5, 1, 28, 28])
    """

    def __init__(self, inputs: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        check_size(size)
        stages = count_stages(size)
        self.size, self.side = size, math.ceil(size / 2**stages)
        widths = [width * 2**stage for stage in range(max(stages, 1) - 1, -1, -1)]
        self.first = nn.Linear(inputs, widths[0] * self.side**2)
        layers: list[nn.Module] = [norm_relu(widths[0])]
        for a, b in pairwise(widths):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), norm_relu(b)]
        last = nn.ConvTranspose2d(width, channels, 4, 2, 1) if stages else nn.Conv2d(width, channels, 3, padding=1)
        self.layers = nn.Sequential(*layers, last, UnitRange())

    def forward(self, x: Float[Tensor, "n inputs"]) -> Float[Tensor, "n c size size"]:
        """Decode vectors to images."""
        maps = self.first(x).unflatten(1, (-1, self.side, self.side)).contiguous(memory_format=torch.channels_last)
        return center_crop(self.layers(maps), self.size)


class DCGANEncoder(nn.Module):
    """Encode an image by 4 x 4 convolutions of stride 2 with leaky ReLU, as in DCGAN, without normalization.

    Args:
        channels: Number of channels of the image; values from 0 to 1 are rescaled to -1 to 1 first.
        size: Height and width of the image.
        width: Channels of the first map; each smaller map has twice as many.
        blocks: Number of `Residual` blocks on the smallest map.

    Example:
        >>> body = DCGANEncoder(channels=1, size=28, width=8)
        >>> body(torch.rand(5, 1, 28, 28)).shape, body.features
        (torch.Size([5, 784]), 784)
    """

    def __init__(self, channels: int, size: int, width: int, blocks: int = 0) -> None:
        super().__init__()
        check_size(size)
        stages = max(count_stages(size), 1)
        widths = [channels, *(width * 2**stage for stage in range(stages))]
        side = size
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(SLOPE)]
            side = side // 2
        layers += [Residual(widths[-1]) for _ in range(blocks)]
        self.layers, self.features = nn.Sequential(*layers), widths[-1] * side**2

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n features"]:
        """Encode images to vectors."""
        maps: Tensor = self.layers((2 * x - 1).contiguous(memory_format=torch.channels_last))
        return maps.flatten(1)


class Residual(nn.Module):
    """Residual block: leaky ReLU of x + conv(x), with a 3 x 3 convolution.

    Args:
        width: Number of channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Apply the block."""
        return F.leaky_relu(x + self.layer(x), SLOPE)


def norm_relu(width: int) -> nn.Sequential:
    """Group normalization, of each item alone, and ReLU.

    Example:
        >>> norm_relu(8)(torch.rand(2, 8, 4, 4)).shape
        torch.Size([2, 8, 4, 4])
    """
    return nn.Sequential(nn.GroupNorm(groups_of(width), width), nn.ReLU())


def center_crop(pictures: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n c size size"]:
    """Crop the center of square images that may be larger.

    Example:
        >>> center_crop(torch.rand(1, 1, 32, 32), 28).shape
        torch.Size([1, 1, 28, 28])
    """
    start = (pictures.shape[-1] - size) // 2
    return pictures[..., start : start + size, start : start + size]


def with_spectral_norm(network: N) -> N:
    """Divide the weight of every layer by its largest singular value (Miyato et al. 2018), found by power iteration.

    Returns:
        The network, changed in place.

    Example:
        >>> network = with_spectral_norm(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)))
        >>> _ = [network(torch.rand(2, 8)) for _ in range(50)]
        >>> round(torch.linalg.matrix_norm(network[0].weight, 2).item(), 3)
        1.0
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding):
            spectral_norm(module)
    return network
