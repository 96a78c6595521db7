"""Kernel distance of two sets of features (KID; Bińkowski, Sutherland, Arbel and Gretton 2018)."""

from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbors import check_features


def kernel_distance(real: Float[Tensor, "n d"], generated: Float[Tensor, "m d"]) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel k(x, y) = (x . y / d + 1)^3.

    mean over i != j of k(x_i, x_j) + mean over i != j of k(y_i, y_j) - 2 mean over i, j of k(x_i, y_j)

    Its expectation is 0 for two sets of the same distribution, whatever their sizes, so single values may be negative.
    The paper uses features of Inception; here they come from any encoder of the domain.

    Args:
        real: Features of n real examples, at least 2.
        generated: Features of m generated ones, at least 2; m need not be n.

    Raises:
        InputError: If there are fewer.

    Example:
        >>> import torch
        >>> x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
        >>> abs(kernel_distance(x[:100], x[100:])) < 0.1, kernel_distance(x[:100], x[100:] + 2) > 1
        (True, True)
    """
    real, generated = check_features(real, generated, at_least=2)
    within = sum(_mean_off_diagonal(_kernel(items, items)) for items in (real, generated))
    return within - 2 * float(_kernel(real, generated).mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    product: Tensor = (x @ y.T / x.shape[1] + 1) ** 3
    return product


def _mean_off_diagonal(kernel: Tensor) -> float:
    """Mean over pairs of two different examples."""
    n = len(kernel)
    return float(kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
