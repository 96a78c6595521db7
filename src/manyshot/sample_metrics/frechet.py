"""Fréchet distance of two sets of features (Heusel et al. 2017)."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbors import check_features


def frechet_distance(real: Float[Tensor, "n d"], generated: Float[Tensor, "m d"]) -> float:
    """Squared 2-Wasserstein distance of the normal distributions with the means and covariances of two sets.

    |mu - mu'|^2 + trace(C + C' - 2 (C^(1/2) C' C^(1/2))^(1/2))

    Biased: the fewer examples, the larger. Compare sets of equal size only. The paper uses features of Inception; here
    they come from any encoder of the domain.

    Args:
        real: Features of real examples, at least 2.
        generated: Features of generated examples, at least 2.

    Raises:
        InputError: If there are too few examples.

    Example:
        >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
        >>> frechet_distance(x, x) < 1e-9, round(frechet_distance(x, x + 2), 6)
        (True, 12.0)
    """
    real, generated = check_features(real, generated, at_least=2)
    first, second = real.T.cov().reshape(real.shape[1], -1), generated.T.cov().reshape(real.shape[1], -1)
    root = _matrix_sqrt(first)
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    means = (real.mean(0) - generated.mean(0)).square().sum()
    return max(0.0, float(means + first.trace() + second.trace() - 2 * cross))


def _matrix_sqrt(matrix: Tensor) -> Tensor:
    """Square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root
