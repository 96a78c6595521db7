"""Density and coverage (Naeem, Oh, Uh, Choi and Yoo 2020)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbors import check_features, count_balls, nearest, neighbor_radii


class DensityCoverage(NamedTuple):
    """Density and coverage, which are robust to outliers, unlike precision and recall.

    Args:
        density: Mean number of real examples' balls that a generated example lies in, divided by k; 1 is expected of
            real examples, and values above 1 are possible.
        coverage: Fraction of the real examples with a generated example in their ball.
    """

    density: float
    coverage: float


def density_coverage(real: Float[Tensor, "n d"], generated: Float[Tensor, "m d"], k: int = 5) -> DensityCoverage:
    """Compute density and coverage; each real example has a ball that reaches to its k-th nearest real neighbor.

    Args:
        real: Features of real examples, more than k.
        generated: Features of generated examples.
        k: Number of neighbors; 5 in the paper. As many real examples in place of generated ones cover a fraction of
            about 1 - 2^-k.

    Raises:
        InputError: If there are too few examples.

    Example:
        >>> import torch
        >>> x = torch.randn(200, 2)
        >>> density_coverage(x, x + 100)
        DensityCoverage(density=0.0, coverage=0.0)
    """
    real, generated = check_features(real, generated)
    radii = neighbor_radii(real, k)
    density = count_balls(generated, real, radii).double().mean() / k
    distance, _ = nearest(real, generated, 1)
    return DensityCoverage(float(density), float((distance[:, 0] <= radii).double().mean()))
