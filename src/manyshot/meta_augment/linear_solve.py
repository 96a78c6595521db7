"""Solvers of symmetric linear systems of T tasks at once, given matrix-vector products only."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Weights = dict[str, Tensor]
"""Named tensors, one row per task: `{"maps": [T, d, ways]}`."""

Product = Callable[[Weights], Weights]
"""The product of each task's symmetric matrix with a vector."""


def conjugate_gradient(product: Product, right: Weights, terms: int) -> Weights:
    """Solve A x = right by conjugate gradients (Hestenes and Stiefel 1952), separately for each task.

    A task stops early once its residual vanishes, or a direction of negative curvature shows that A is not positive
    definite.

    Args:
        product: Product of A with a vector.
        right: Right-hand side, one vector per task.
        terms: Largest number of products.

    Example:
        >>> matrix = torch.tensor([[[2.0, 1.0], [1.0, 3.0]]])
        >>> times = lambda x: {"x": torch.einsum("tij,tj->ti", matrix, x["x"])}
        >>> conjugate_gradient(times, {"x": torch.tensor([[1.0, 2.0]])}, terms=2)["x"]
        tensor([[0.2000, 0.6000]])
    """
    solution = {name: torch.zeros_like(value) for name, value in right.items()}
    residual, direction = right, right
    norm = initial_norm = _dot(residual, residual)
    for _ in range(terms):
        image = product(direction)
        curvature = _dot(direction, image)
        active = (curvature > 0) & (norm > 1e-20 * initial_norm)
        size = torch.where(active, norm / torch.where(active, curvature, 1), 0)
        solution = _add(solution, direction, size)
        residual = _add(residual, image, -size)
        previous, norm = norm, _dot(residual, residual)
        direction = _add(residual, direction, torch.where(active, norm / previous.clamp(min=1e-300), 0))
    return solution


def neumann(product: Product, right: Weights, terms: int) -> Weights:
    """Approximate A^-1 right by eta sum_{j < terms} (I - eta A)^j right, separately for each task.

    1 / eta is the largest eigenvalue, as estimated by ten power iterations, plus a tenth for their error.

    Args:
        product: Product of A with a vector.
        right: Right-hand side, one vector per task.
        terms: Number of terms of the series.

    Example:
        >>> times = lambda x: {"x": 2 * x["x"]}
        >>> neumann(times, {"x": torch.tensor([[1.0, 2.0]])}, terms=8)["x"]
        tensor([[0.5000, 1.0000]])
    """
    probe = right
    for _ in range(10):
        size = _dot(probe, probe).sqrt().clamp(min=1e-30)
        probe = product({name: _per_task(1 / size, value) * value for name, value in probe.items()})
    largest = 1.1 * _dot(probe, probe).sqrt().clamp(min=1e-30)
    term = {name: _per_task(1 / largest, value) * value for name, value in right.items()}
    solution = term
    for _ in range(terms - 1):
        term = _add(term, product(term), -1 / largest)
        solution = _add(solution, term, torch.ones_like(largest))
    return solution


def _dot(a: Weights, b: Weights) -> Float[Tensor, " t"]:
    return torch.stack([(a[name] * b[name]).flatten(1).sum(1) for name in a]).sum(0)


def _add(a: Weights, b: Weights, size: Float[Tensor, " t"]) -> Weights:
    """Compute a + size * b."""
    return {name: a[name] + _per_task(size, b[name]) * b[name] for name in a}


def _per_task(size: Float[Tensor, " t"], value: Tensor) -> Tensor:
    """One number per task, shaped to broadcast with a value."""
    return size.view(-1, *(1 for _ in value.shape[1:]))
