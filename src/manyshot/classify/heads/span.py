"""Exact coordinates for few rows of many features: their span, along its principal axes."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

RANK_TOLERANCE = 1e-12
"""Axes whose energy is below this part of the largest hold rounding errors, and are zeroed."""


class Span(NamedTuple):
    """The rows of B splits in coordinates in which every linear head has a cheap solution.

    With rows x_i and weights w_i, coordinates t_i = A (x_i - mean), sum_i w_i t_i = 0 and
    sum_i w_i t_i t_i^T = diag(energy). The rows of A are orthonormal, or 0 where the energy is.

    Args:
        coordinates: Coordinates t `[B, n, k]`, k = min(n, d). For rows of weight 0 they are a projection onto the
            span of the rest.
        energy: `[B, k]`.
        axes: A `[B, k, d]`.
        mean: Weighted mean `[B, d]`.
    """

    coordinates: Float[Tensor, "b n k"]
    energy: Float[Tensor, "b k"]
    axes: Float[Tensor, "b k d"]
    mean: Float[Tensor, "b d"]


def rotate(x: Float[Tensor, "*b n d"]) -> Float[Tensor, "*b n k"]:
    """The same rows in k = min(n, d) dimensions: all lengths and angles stay, up to rounding.

    Args:
        x: Rows `[..., n, d]`.

    Example:
        >>> x = torch.tensor([[3.0, 0.0, 4.0]], dtype=torch.float64)
        >>> rotate(x).abs()
        tensor([[5.]], dtype=torch.float64)
    """
    if x.shape[-2] >= x.shape[-1]:
        return x
    lower: Tensor = torch.linalg.qr(x.mT, mode="r").R.mT
    return lower


def decompose(x: Float[Tensor, "b n d"], w: Float[Tensor, "b n"]) -> Span:
    """Find the span of each split's rows.

    Args:
        x: Rows `[B, n, d]`, float64.
        w: Weights `[B, n]`, at least 0 and not all 0.

    Example:
        >>> x = torch.tensor([[[0.0, 1.0], [0.0, 3.0]]], dtype=torch.float64)
        >>> span = decompose(x, torch.ones(1, 2, dtype=torch.float64))
        >>> span.energy.tolist(), span.mean.tolist()
        ([[0.0, 2.0]], [[0.0, 2.0]])
    """
    if x.shape[1] < x.shape[2]:
        basis, coordinates = torch.linalg.qr(x.mT)
        inner = _decompose(coordinates.mT, w)
        return inner._replace(axes=inner.axes @ basis.mT, mean=(inner.mean[:, None] @ basis.mT)[:, 0])
    return _decompose(x, w)


def _decompose(x: Tensor, w: Tensor) -> Span:
    mean = (w[:, None] @ x / w.sum(1)[:, None, None])[:, 0]
    centered = x - mean[:, None]
    energy, vectors = torch.linalg.eigh(centered.mT @ (w[..., None] * centered))
    kept = energy > RANK_TOLERANCE * energy[:, -1:]
    axes = (vectors * kept[:, None]).mT
    return Span(centered @ axes.mT, energy * kept, axes, mean)
