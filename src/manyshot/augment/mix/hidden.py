"""Items mixed at a hidden layer of a network (Verma et al. 2019); of sentences, TMix (Chen, Yang and Yang 2020)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn


@contextmanager
def mixed_behind(layer: nn.Module, share: Float[Tensor, "n"], partners: Int[Tensor, "n"]) -> Iterator[None]:
    """While this lasts, each item of a batch is blended with its partner behind one layer of a network.

    h_i <- share_i h_i + (1 - share_i) h_partner(i),   h what the layer gives

    Behind the embeddings of a transformer it is word mixup, behind one of its layers TMix; the labels are to be blended
    by the same shares. Sentences of a batch must be padded to one length, and the attention mask given to the network
    must show what either of the two has: `torch.maximum(mask, mask[partners])`. Differentiable in the items and shares.

    Args:
        layer: gives `[n, ...]`, or a tuple with that first.
        share: of the item itself.
        partners: the places of the others.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Identity(), nn.Linear(2, 2))
        >>> with mixed_behind(net[0], torch.tensor([0.75, 1.0]), torch.tensor([1, 0])):
        ...     mixed = net(torch.eye(2))
        >>> torch.allclose(mixed, net(torch.tensor([[0.75, 0.25], [0.0, 1.0]])))
        True
    """

    def blend(module: nn.Module, given: Any, hidden: Any) -> Any:  # noqa: ANN401 - what layers give
        first = hidden[0] if isinstance(hidden, tuple) else hidden
        own = share.to(first).view(-1, *[1] * (first.ndim - 1))
        blended = own * first + (1 - own) * first[partners.to(first.device)]
        return (blended, *hidden[1:]) if isinstance(hidden, tuple) else blended

    hook = layer.register_forward_hook(blend)
    try:
        yield
    finally:
        hook.remove()
