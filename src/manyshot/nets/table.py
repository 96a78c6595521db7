"""The encoders that a run can name, with their options."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn

from manyshot.base import InputError
from manyshot.nets.conv4 import Conv4, Norm


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
        for width in (self.first, self.second, self.third, self.fourth):
            if not 1 <= width <= 4096:
                raise InputError(f"conv4: a block of {width} channels: give from 1 to 4096")

    def make(self, channels: int, size: int, norm: Norm) -> Conv4:
        """Build the encoder for images of `channels` x `size` x `size`."""
        return Conv4(channels, size, (self.first, self.second, self.third, self.fourth), norm, self.pools)


ENCODERS: dict[str, type[EncoderOptions]] = {"conv4": Conv4Options}
