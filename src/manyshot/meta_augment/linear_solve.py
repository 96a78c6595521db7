"""Linear systems of T tasks at once, known by products with their matrix alone."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Weights = dict[str, Tensor]
"""Named tensors, one row a task: `{"maps": [T, d, ways]}`."""

Product = Callable[[Weights], Weights]
"""A symmetric matrix a task, times a vector."""


def conjugate_gradient(product: Product, right: Weights, terms: int) -> Weights:
    """Solve A x = right by conjugate gradients (Hestenes and Stiefel 1952), each task by itself.

    A task stops early where nothing is left, or where A is found not to be positive.

    Args:
        product: A times a vector.
        right: one vector a task.
        terms: products at most.

    Example:
        >>> matrix = torch.tensor([[[2.0, 1.0], [1.0, 3.0]]])
        >>> times = lambda x: {"x": torch.einsum("tij,tj->ti", matrix, x["x"])}
        >>> conjugate_gradient(times, {"x": torch.tensor([[1.0, 2.0]])}, terms=2)["x"]
        tensor([[0.2000, 0.6000]])
    """
    solution = {name: torch.zeros_like(value) for name, value in right.items()}
    left, direction = right, right
    norm = first = _dot(left, left)
    for _ in range(terms):
        turned = product(direction)
        curvature = _dot(direction, turned)
        going = (curvature > 0) & (norm > 1e-20 * first)
        size = torch.where(going, norm / torch.where(going, curvature, 1), 0)
        solution = _plus(solution, direction, size)
        left = _plus(left, turned, -size)
        before, norm = norm, _dot(left, left)
        direction = _plus(left, direction, torch.where(going, norm / before.clamp(min=1e-300), 0))
    return solution


def neumann(product: Product, right: Weights, terms: int) -> Weights:
    """Approximate A^-1 right by eta sum_{j < terms} (I - eta A)^j right, each task by itself.

    eta is one over the largest eigenvalue, which ten power iterations find nearly; a tenth is added for what they miss.

    Args:
        product: A times a vector.
        right: one vector a task.
        terms: of the series.

    Example:
        >>> times = lambda x: {"x": 2 * x["x"]}
        >>> neumann(times, {"x": torch.tensor([[1.0, 2.0]])}, terms=8)["x"]
        tensor([[0.5000, 1.0000]])
    """
    probe = right
    for _ in range(10):
        size = _dot(probe, probe).sqrt().clamp(min=1e-30)
        probe = product({name: _each(1 / size, value) * value for name, value in probe.items()})
    largest = 1.1 * _dot(probe, probe).sqrt().clamp(min=1e-30)
    term = {name: _each(1 / largest, value) * value for name, value in right.items()}
    solution = term
    for _ in range(terms - 1):
        term = _plus(term, product(term), -1 / largest)
        solution = _plus(solution, term, torch.ones_like(largest))
    return solution


def _dot(a: Weights, b: Weights) -> Float[Tensor, " t"]:
    return torch.stack([(a[name] * b[name]).flatten(1).sum(1) for name in a]).sum(0)


def _plus(a: Weights, b: Weights, size: Float[Tensor, " t"]) -> Weights:
    return {name: a[name] + _each(size, b[name]) * b[name] for name in a}


def _each(size: Float[Tensor, " t"], value: Tensor) -> Tensor:
    return size.view(-1, *(1 for _ in value.shape[1:]))
