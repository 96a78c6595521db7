"""Mixing items at a hidden layer inside a learner's own forward passes, as in manifold mixup (Verma et al. 2019).

Items that are to be mixed at a hidden layer are packed into one item: the sources, concatenated along the channels, and
their weights in further channels. `pack` builds such items; the forward pass of `mix_hidden` encodes the sources up
to the layer, mixes them by their weights, and runs the remaining stages.
"""

from collections.abc import Sequence
from itertools import count
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from manyshot.nets import ForwardPass, StagedEncoder


def pack(sources: Sequence[Float[Tensor, "t n c ..."]], fractions: Float[Tensor, "t n k hidden"]) -> Tensor:
    """Pack several items and their weights into one item.

    Args:
        sources: Items `[T, n, c, ...]` of the k sources.
        fractions: Weight `[T, n, k, hidden]` of each source in each channel of the hidden layer.

    Returns:
        Packed items `[T, n, k c + planes, ...]`, with the weights in the last channels.

    Example:
        >>> pack([torch.rand(2, 5, 1, 8, 8)] * 2, torch.full((2, 5, 2, 64), 0.5)).shape
        torch.Size([2, 5, 4, 8, 8])
    """
    shape = sources[0].shape[3:]
    area = prod(shape)
    written = fractions.flatten(2).to(sources[0])
    filled = planes(written.shape[2], area)
    written = F.pad(written, (0, filled * area - written.shape[2])).reshape(*written.shape[:2], filled, *shape)
    return torch.cat([*sources, written], 2)


def planes(numbers: int, area: int) -> int:
    """The number of channels that hold a number of values.

    Args:
        numbers: Number of values.
        area: Number of pixels of a channel.

    Example:
        >>> planes(128, 64), planes(129, 64)
        (2, 3)
    """
    return -(-numbers // area)


def mix_hidden(layer: int) -> ForwardPass:
    """The forward pass that mixes packed items at a hidden layer; items that are not packed take the usual one.

    h = sum_k w_k * h_k,   h_k the hidden layer of source k, w_k its weight in each channel

    Args:
        layer: Index of the hidden layer; 0 for the items.

    Example:
        >>> from manyshot.nets import Conv4
        >>> encoder = Conv4(channels=1, size=28, widths=(8, 8, 8, 8)).eval()
        >>> a, b = torch.rand(2, 1, 3, 1, 28, 28)
        >>> fractions = torch.tensor([0.3, 0.7])[:, None].expand(1, 3, 2, 8)
        >>> mixed = encoder.with_forward(mix_hidden(layer=2))(pack([a, b], fractions)[0])
        >>> by_hand = 0.3 * encoder.run(a[0], 0, 2) + 0.7 * encoder.run(b[0], 0, 2)
        >>> torch.allclose(mixed, encoder.run(by_hand, 2, 4), atol=1e-5)
        True
    """

    def forward(encoder: StagedEncoder, x: Tensor) -> Tensor:
        channels, width, n = encoder.widths[0], encoder.widths[layer], len(x)
        if x.shape[1] == channels:
            return encoder.run(x, 0, encoder.depth)
        area = prod(x.shape[2:])
        parts = next(k for k in count(2) if k * channels + planes(k * width, area) >= x.shape[1])
        fractions = x[:, parts * channels :].flatten(1)[:, : parts * width].reshape(n, parts, width)
        # One source after the other, so that normalization over the batch sees the expected number of items.
        hidden = [encoder.run(x[:, k * channels : (k + 1) * channels], 0, layer) for k in range(parts)]
        weights = fractions.reshape(n, parts, width, *[1] * (hidden[0].ndim - 2))
        mixed = torch.stack([weights[:, k] * source for k, source in enumerate(hidden)]).sum(0)
        return encoder.run(mixed, layer, encoder.depth)

    return forward
