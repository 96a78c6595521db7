"""Two sets of features, as every measure takes them."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError

PART = 1024


def as_sets(
    real: Float[Tensor, "n d"], made: Float[Tensor, "m d"], least: int = 1
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    """Both in double precision on the processor.

    Args:
        real: features of real items.
        made: features of made ones.
        least: how many of each there must be.

    Raises:
        InputError: if there are fewer, or numbers are not finite.

    Example:
        >>> as_sets(torch.zeros(2, 3), torch.zeros(1, 3))[0].dtype
        torch.float64
    """
    for name, items in (("real", real), ("made", made)):
        if len(items) < least:
            raise InputError(f"{len(items)} {name} items: this measure needs at least {least}; give more")
        if not items.isfinite().all():
            raise InputError(f"features of {name} items are not finite; the encoder or the generator has diverged")
    return real.detach().double().cpu(), made.detach().double().cpu()


def nearest(items: Float[Tensor, "n d"], others: Float[Tensor, "m d"], k: int) -> tuple[Tensor, Tensor]:
    """Distances to the k nearest of the others, from near to far, and their places, `[n, k]` each.

    Example:
        >>> nearest(torch.tensor([[0.0]]), torch.tensor([[3.0], [1.0], [2.0]]), 2)
        (tensor([[1., 2.]]), tensor([[1, 2]]))
    """
    found = [torch.cdist(part, others).topk(k, 1, largest=False) for part in torch.split(items, PART)]
    return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])


def radii(items: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """The distance of each item to its k-th nearest neighbour among the rest.

    Raises:
        InputError: if there are no more than k items.

    Example:
        >>> radii(torch.tensor([[0.0], [1.0], [3.0]]), 1)
        tensor([1., 1., 2.])
    """
    if len(items) <= k:
        raise InputError(f"{len(items)} items have no {k} neighbours each; give more")
    # The nearest of all is the item itself, or a twin of it, at distance 0 either way.
    distances, _ = nearest(items, items, k + 1)
    return distances[:, k]


def inside(items: Float[Tensor, "n d"], centres: Float[Tensor, "m d"], radius: Float[Tensor, " m"]) -> Tensor:
    """How many of the balls around the centres each item lies in, `[n]`, whole numbers.

    Example:
        >>> inside(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 2.0]))
        tensor([2, 0])
    """
    return torch.cat([(torch.cdist(part, centres) <= radius).sum(1) for part in torch.split(items, PART)])
