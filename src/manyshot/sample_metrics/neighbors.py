"""Nearest neighbors in feature space, and the checks that all metrics share."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError

CHUNK = 1024
"""Rows of the distance matrix that are computed at once."""


def check_features(
    real: Float[Tensor, "n d"], generated: Float[Tensor, "m d"], at_least: int = 1
) -> tuple[Float[Tensor, "n d"], Float[Tensor, "m d"]]:
    """Check two sets of features and convert them to double precision on the CPU.

    Args:
        real: Features of real examples.
        generated: Features of generated examples.
        at_least: Smallest number of examples of each set.

    Raises:
        InputError: If there are fewer, or features are not finite.

    Example:
        >>> check_features(torch.zeros(2, 3), torch.zeros(1, 3))[0].dtype
        torch.float64
    """
    for name, features in (("real", real), ("generated", generated)):
        if len(features) < at_least:
            raise InputError(f"{len(features)} {name} examples: this metric needs at least {at_least}; give more")
        if not features.isfinite().all():
            raise InputError(
                f"features of {name} examples are not finite: the encoder or the generative model has diverged; use "
                "another run"
            )
    return real.detach().double().cpu(), generated.detach().double().cpu()


def nearest(features: Float[Tensor, "n d"], others: Float[Tensor, "m d"], k: int) -> tuple[Tensor, Tensor]:
    """Distances to the k nearest of the others, in ascending order, and their indices, `[n, k]` each.

    Example:
        >>> nearest(torch.tensor([[0.0]]), torch.tensor([[3.0], [1.0], [2.0]]), 2)
        (tensor([[1., 2.]]), tensor([[1, 2]]))
    """
    chunks = [torch.cdist(chunk, others).topk(k, 1, largest=False) for chunk in torch.split(features, CHUNK)]
    return torch.cat([chunk.values for chunk in chunks]), torch.cat([chunk.indices for chunk in chunks])


def neighbor_radii(features: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """Distance of each example to its k-th nearest neighbor among the others.

    Raises:
        InputError: If there are no more than k examples.

    Example:
        >>> neighbor_radii(torch.tensor([[0.0], [1.0], [3.0]]), 1)
        tensor([1., 1., 2.])
    """
    if len(features) <= k:
        raise InputError(f"{len(features)} examples do not have {k} neighbors each; give at least {k + 1}")
    # The nearest of all is the example itself, or a duplicate of it, at distance 0 either way.
    distances, _ = nearest(features, features, k + 1)
    return distances[:, k]


def count_balls(features: Float[Tensor, "n d"], centers: Float[Tensor, "m d"], radii: Float[Tensor, " m"]) -> Tensor:
    """Number of balls around the centers that each example lies in, `[n]`.

    Example:
        >>> count_balls(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 2.0]))
        tensor([2, 0])
    """
    return torch.cat([(torch.cdist(chunk, centers) <= radii).sum(1) for chunk in torch.split(features, CHUNK)])
