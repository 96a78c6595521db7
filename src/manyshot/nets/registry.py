"""The encoders that a run can name, with their options."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from manyshot.base import InputError
from manyshot.base.registry import Registry
from manyshot.nets.conv4 import Conv4
from manyshot.nets.efficientnet_lite import EfficientNetLite0Options
from manyshot.nets.hubs import TimmOptions, TransformersOptions
from manyshot.nets.ngrams import NGramsOptions
from manyshot.nets.norm import Norm
from manyshot.nets.resnet12 import ResNet12
from manyshot.nets.sentence_encoder import MiniLMOptions, SentencesOptions


@runtime_checkable
class EncoderOptions(Protocol):
    """The options of an encoder; makes it once the images are known."""

    def make(self, channels: int, size: int, norm: Norm) -> nn.Module:
        """Build the encoder; its attribute `features` is the length of a feature vector."""
        ...


@dataclass(frozen=True)
class Conv4Options:
    """Four convolutional blocks, `conv4(64, 64, 128, 128)`; `conv4(pools=2)` leaves larger maps.

    Args:
        first: output channels of the first block.
        second: of the second.
        third: of the third.
        fourth: of the fourth.
        pools: how many of the blocks, the first ones, halve the map.

    Raises:
        InputError: if a block has no channel or more than 4,096, or pools is not from 0 to 4.

    Example:
        >>> Conv4Options(32, 32, 32, 32).make(channels=1, size=28, norm="batch").features
        32
    """

    first: int = 64
    second: int = 64
    third: int = 64
    fourth: int = 64
    pools: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.pools <= 4:
            raise InputError(f"conv4: pools={self.pools}: give from 0 to 4")
        _check_widths("conv4", self.first, self.second, self.third, self.fourth)

    def make(self, channels: int, size: int, norm: Norm) -> Conv4:
        """Build the encoder for images of `channels` x `size` x `size`."""
        return Conv4(channels, size, (self.first, self.second, self.third, self.fourth), norm, self.pools)


@dataclass(frozen=True)
class ResNet12Options:
    """Four residual blocks, `resnet12(drop=0.1)`; `resnet12(64, 128, 256, 512)` are TADAM's widths.

    Args:
        first: output channels of the first block.
        second: of the second.
        third: of the third.
        fourth: of the fourth.
        drop: share of the map that drop-block drops in training, after the last two blocks.
        pooled: whether the feature is the mean over the last map; the whole map if not.

    Raises:
        InputError: if a block has no channel or more than 4,096, or drop is not from 0 to below 1.

    Example:
        >>> ResNet12Options(8, 16, 32, 64).make(channels=3, size=32, norm="batch").features
        64
    """

    first: int = 64
    second: int = 160
    third: int = 320
    fourth: int = 640
    drop: float = 0.0
    pooled: bool = True

    def __post_init__(self) -> None:
        _check_widths("resnet12", self.first, self.second, self.third, self.fourth)
        if not 0 <= self.drop < 1:
            raise InputError(f"resnet12: drop={self.drop}: give a share from 0 to below 1")

    def make(self, channels: int, size: int, norm: Norm) -> ResNet12:
        """Build the encoder for images of `channels` x `size` x `size`."""
        widths = (self.first, self.second, self.third, self.fourth)
        return ResNet12(channels, size, widths, norm, self.drop, self.pooled)


def _check_widths(name: str, *widths: int) -> None:
    for width in widths:
        if not 1 <= width <= 4096:
            raise InputError(f"{name}: a block of {width} channels: give from 1 to 4096")


ENCODERS: Registry[EncoderOptions] = Registry(
    "encoder",
    {
        "conv4": Conv4Options,
        "resnet12": ResNet12Options,
        "efficientnet-lite0": EfficientNetLite0Options,
        "timm": TimmOptions,
        "transformers": TransformersOptions,
        "ngrams": NGramsOptions,
        "minilm": MiniLMOptions,
        "sentences": SentencesOptions,
    },
    paths=True,
    group="manyshot.encoders",
)

TextEncoderOptions = NGramsOptions | MiniLMOptions | SentencesOptions
"""Those of encoders that take sentences; all others take images."""
