"""Encoders made of stages, so that hidden layers can be reached: run up to one, or on from one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from torch import Tensor, nn

from manyshot.base import InputError

Route = Callable[["StagedEncoder", Any], Any]
"""What stands in for the forward pass of an encoder: the encoder and its items in, hidden items or features out."""


class StagedEncoder(nn.Module, ABC):
    """An encoder whose forward pass is a row of stages.

    Hidden layer k is what stage k takes: layer 0 is the items themselves, layer `depth` the features. Methods that mix
    hidden layers (manifold mixup, MetaMix, MLTI) need no more than `run`.

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
    """Channels of each hidden layer, from the items' own to the last stage's; one more than there are stages."""

    _route: Route | None = None

    @property
    def depth(self) -> int:
        """How many stages there are."""
        return len(self.widths) - 1

    @abstractmethod
    def run(self, x: Tensor, first: int, last: int) -> Tensor:
        """Carry out stages `first` to `last - 1`.

        Args:
            x: what stage `first` takes: items if it is 0.
            first: from 0 to `last`.
            last: up to `depth`; only then is the result a feature vector.
        """

    def forward(self, items: Tensor) -> Tensor:
        """Encode items, all the way, or as `rerouted` says."""
        if self._route is None:
            return self.run(items, 0, self.depth)
        taken: Tensor = self._route(self, items)
        return taken

    def rerouted(self, route: Route) -> "StagedEncoder":
        """The same encoder, with the same weights under the same names, whose forward pass is another.

        Args:
            route: the encoder and what it is given in, anything out; built of `run`.

        Example:
            >>> import torch
            >>> from manyshot.nets import Conv4
            >>> encoder = Conv4(channels=1, size=28, widths=(8, 8, 8, 8))
            >>> upper = encoder.rerouted(lambda whole, hidden: whole.run(hidden, 2, whole.depth))
            >>> upper(torch.rand(5, 8, 7, 7)).shape
            torch.Size([5, 8])
        """
        other = copy(self)
        other._route = route
        return other


def check_widths(widths: Sequence[int]) -> None:
    """Refuse numbers of channels that are typing errors.

    Raises:
        InputError: For a block of no channel or more than 4,096.
    """
    for width in widths:
        if not 1 <= width <= 4096:
            raise InputError(f"a block of {width} channels: give from 1 to 4096")
