"""Samples of the Beta and Dirichlet distributions."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor


def beta(n: int, alpha: float, generator: Generator) -> Float[Tensor, "n"]:
    """Draw n numbers from the symmetric Beta(alpha, alpha) distribution.

    Example:
        >>> lam = beta(10_000, 0.2, torch.Generator().manual_seed(0))
        >>> round(lam.mean().item(), 1), bool((lam < 0.01).float().mean() > 0.1)
        (0.5, True)
    """
    if alpha == 1:
        return torch.rand(n, generator=generator)  # Beta(1, 1) is uniform
    return torch.from_numpy(_numpy(generator).beta(alpha, alpha, n).astype(np.float32))


def dirichlet(n: int, parts: int, alpha: float, generator: Generator) -> Float[Tensor, "n parts"]:
    """Draw n rows of weights that sum to 1 from the symmetric Dirichlet distribution.

    Example:
        >>> dirichlet(4, 3, 1.0, torch.Generator().manual_seed(0)).sum(1)
        tensor([1., 1., 1., 1.])
    """
    return torch.from_numpy(_numpy(generator).dirichlet([alpha] * parts, n).astype(np.float32))


def _numpy(generator: Generator) -> np.random.Generator:
    """A generator of NumPy, which has these distributions, seeded from torch's generator."""
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
