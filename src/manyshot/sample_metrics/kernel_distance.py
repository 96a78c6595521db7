"""Kernel distance of two sets of features (Bińkowski, Sutherland, Arbel and Gretton 2018)."""

from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbours import as_sets


def kernel_distance(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> float:
    """The squared maximum mean discrepancy with the kernel k(x, y) = (x . y / d + 1)^3, without bias.

    mean over i != j of k(x_i, x_j) + mean over i != j of k(y_i, y_j) - 2 mean over i, j of k(x_i, y_j)

    Its expectation is 0 for two sets of one distribution, whatever their sizes, so single values may lie below 0. The
    paper's features are those of Inception; ours are whatever encoder of the domain is given.

    Args:
        real: features of real items, at least 2.
        made: features of made ones, at least 2.

    Raises:
        InputError: if there are fewer.

    Example:
        >>> import torch
        >>> x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
        >>> abs(kernel_distance(x[:100], x[100:])) < 0.1, kernel_distance(x[:100], x[100:] + 2) > 1
        (True, True)
    """
    real, made = as_sets(real, made, least=2)
    within = sum(_mean_of_pairs(_kernel(items, items)) for items in (real, made))
    return within - 2 * float(_kernel(real, made).mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    product: Tensor = (x @ y.T / x.shape[1] + 1) ** 3
    return product


def _mean_of_pairs(kernel: Tensor) -> float:
    """The mean over pairs of two different items."""
    n = len(kernel)
    return float(kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
