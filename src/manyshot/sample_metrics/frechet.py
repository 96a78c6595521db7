"""Fréchet distance of two sets of features (Heusel et al. 2017)."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbours import as_sets


def frechet_distance(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"]) -> float:
    """The squared Wasserstein distance of the normal distributions with the sets' means and covariances.

    |mu - mu'|^2 + trace(C + C' - 2 (C^(1/2) C' C^(1/2))^(1/2))

    Biased for small sets: the fewer items, the larger. Compare equal numbers alone. The paper's features are those of
    Inception; ours are whatever encoder of the domain is given.

    Args:
        real: features of real items, at least 2.
        made: features of made ones, at least 2.

    Raises:
        InputError: if there are fewer.

    Example:
        >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
        >>> frechet_distance(x, x) < 1e-9, round(frechet_distance(x, x + 2), 6)
        (True, 12.0)
    """
    real, made = as_sets(real, made, least=2)
    first, second = real.T.cov().reshape(real.shape[1], -1), made.T.cov().reshape(real.shape[1], -1)
    root = _root(first)
    between = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    apart = (real.mean(0) - made.mean(0)).square().sum()
    return max(0.0, float(apart + first.trace() + second.trace() - 2 * between))


def _root(matrix: Tensor) -> Tensor:
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root
