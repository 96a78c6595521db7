"""Density and coverage (Naeem, Oh, Uh, Choi and Yoo 2020)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from manyshot.sample_metrics.neighbours import as_sets, inside, nearest, radii


class DensityCoverage(NamedTuple):
    """What one far-off item cannot lift, unlike precision and recall.

    Args:
        density: how many real items' balls a made item lies in, as a share of k; 1 is expected of real items, and more
            is possible.
        coverage: of the real items, how many have a made one in their ball, from 0 to 1.
    """

    density: float
    coverage: float


def density_coverage(real: Float[Tensor, "n d"], made: Float[Tensor, "m d"], k: int = 5) -> DensityCoverage:
    """An item's ball reaches to its k-th nearest neighbour among the real ones.

    Args:
        real: features of real items, more than k.
        made: features of made ones.
        k: neighbours; the paper's 5. Of as many real items in the place of made ones, a share of about
            1 - 2^-k is covered.

    Raises:
        InputError: if there are fewer.

    Example:
        >>> import torch
        >>> x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
        >>> density_coverage(x[:200], x[200:] + 100)
        DensityCoverage(density=0.0, coverage=0.0)
    """
    real, made = as_sets(real, made)
    reach = radii(real, k)
    density = inside(made, real, reach).double().mean() / k
    distance, _ = nearest(real, made, 1)
    return DensityCoverage(float(density), float((distance[:, 0] <= reach).double().mean()))
