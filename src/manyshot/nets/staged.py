"""The base class of encoders made of stages, which can run up to or from any hidden layer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from torch import Tensor, nn

from manyshot.base import InputError

ForwardPass = Callable[["StagedEncoder", Any], Any]
"""A replacement for the forward pass of an encoder: from the encoder and items to hidden layers or features."""


class StagedEncoder(nn.Module, ABC):
    """An encoder whose forward pass is a sequence of stages.

    Hidden layer k is the input of stage k: layer 0 is the items, layer `depth` the features. Methods that mix hidden
    layers (manifold mixup, MetaMix, MLTI) only need `run`.

    Example:
        >>> import torch
        >>> from manyshot.nets import Conv4
        >>> encoder, images = Conv4(channels=1, size=28, widths=(8, 8, 8, 8)).eval(), torch.rand(5, 1, 28, 28)
        >>> hidden = encoder.run(images, 0, 2)
        >>> hidden.shape, encoder.widths
        (torch.Size([5, 8, 7, 7]), (1, 8, 8, 8, 8))
        >>> encoder.run(hidden, 2, encoder.depth).equal(encoder(images))
        True
    """

    widths: tuple[int, ...]
    """Number of channels of each hidden layer, from the items to the output of the last stage."""

    _forward_pass: ForwardPass | None = None

    @property
    def depth(self) -> int:
        """The number of stages."""
        return len(self.widths) - 1

    @abstractmethod
    def run(self, x: Tensor, first: int, last: int) -> Tensor:
        """Run stages `first` to `last - 1`.

        Args:
            x: Input of stage `first`: items for stage 0.
            first: Index of the first stage, from 0 to `last`.
            last: Index behind the last stage, up to `depth`, for which the result is features.
        """

    def forward(self, items: Tensor) -> Tensor:
        """Encode items by all stages, or by the forward pass given to `with_forward`.

        Args:
            items: Items `[n, ...]`.
        """
        if self._forward_pass is None:
            return self.run(items, 0, self.depth)
        result: Tensor = self._forward_pass(self, items)
        return result

    def with_forward(self, forward: ForwardPass) -> "StagedEncoder":
        """A copy of the encoder with another forward pass and the same weights under the same names.

        Args:
            forward: Function of the encoder and its input, which calls `run`.

        Example:
            >>> import torch
            >>> from manyshot.nets import Conv4
            >>> encoder = Conv4(channels=1, size=28, widths=(8, 8, 8, 8))
            >>> upper = encoder.with_forward(lambda whole, hidden: whole.run(hidden, 2, whole.depth))
            >>> upper(torch.rand(5, 8, 7, 7)).shape
            torch.Size([5, 8])
        """
        other = copy(self)
        other._forward_pass = forward
        return other


def check_widths(widths: Sequence[int]) -> None:
    """Check the numbers of channels of blocks.

    Args:
        widths: Number of channels of each block.

    Raises:
        InputError: If one is not from 1 to 4,096.
    """
    for width in widths:
        if not 1 <= width <= 4096:
            raise InputError(f"a block of {width} channels: give from 1 to 4096")


def check_image_shape(images: Tensor, channels: int, size: int) -> None:
    """Check that images have the shape that an encoder was built for.

    Args:
        images: Images `[n, c, h, w]`.
        channels: Number of channels of the encoder's images.
        size: Height and width of the encoder's images, in pixels.

    Raises:
        InputError: If they have another shape.
    """
    if images.shape[1:] != (channels, size, size):
        raise InputError(
            f"images of {tuple(images.shape[1:])} given to an encoder of {(channels, size, size)} (channels, height, "
            "width); load them at that size"
        )
