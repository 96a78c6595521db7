"""Features of several parts as vectors that can be compared: each part centered and scaled, missing ones zero."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.tasks import Parts

SHORT = 32
"""Parts of fewer features than this are measured numbers, which are standardized; others are brought to length 1."""
KNOTS = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Where the bumps of a number stand, in standard deviations from its mean."""
TINY = 1e-9


@dataclass(frozen=True)
class PartScale:
    """What one part's features are centered and divided by, from the support of each task alone.

    x -> (r(x) - mean) / ||r(x) - mean||, with the root r(x) = sqrt(x) where no support feature is negative (Tukey's
    transform, which features behind a ReLU want), else r(x) = x. Numbers, of which there are few, are divided by their
    standard deviations in place of their length, and joined by five bumps each, exp(-2 (z - knot)^2), so that a class
    may lie between two others; all is divided by the root of twice their count.

    Args:
        root: Whether the root is taken, `[T, 1, 1]`.
        mean: Mean `[T, 1, d]` over the support examples that have the part.
        spread: Standard deviation `[T, 1, d]`, where there are few features; None to divide by the length.
    """

    root: Tensor
    mean: Float[Tensor, "t 1 d"]
    spread: Float[Tensor, "t 1 d"] | None

    @staticmethod
    def fit(x: Float[Tensor, "t n d"], weight: Float[Tensor, "t n"]) -> "PartScale":
        """Find mean and spread.

        Args:
            x: Features of the support.
            weight: Weights of the examples; 0 where the part is missing.
        """
        w = weight[..., None]
        root = ((x >= 0) | (w <= 0)).flatten(1).all(1)[:, None, None] & (x.shape[2] >= SHORT)
        rows = _raised(x, root)
        total = w.sum(1, keepdim=True).clamp(min=TINY)
        mean = (w * rows).sum(1, keepdim=True) / total
        if x.shape[2] >= SHORT:
            return PartScale(root, mean, None)
        variance = (w * (rows - mean).square()).sum(1, keepdim=True) / total
        return PartScale(root, mean, variance.sqrt().clamp(min=1e-6))

    def __call__(self, x: Float[Tensor, "t m d"], there: Tensor) -> Float[Tensor, "t m e"]:
        """Scale features; zeros where the part is missing.

        Args:
            x: Features of support or query.
            there: Booleans `[T, m]`.
        """
        rows = _raised(x, self.root) - self.mean
        if self.spread is None:
            rows = rows / rows.norm(dim=-1, keepdim=True).clamp(min=TINY)
        else:
            z = (rows / self.spread).clamp(-4, 4)
            bumps = [(-2 * (z - knot).square()).exp() for knot in KNOTS]
            rows = torch.cat([z, *bumps], -1) / (2 * x.shape[2]) ** 0.5
        return torch.where(there[..., None], rows, 0.0)


def _raised(x: Tensor, root: Tensor) -> Tensor:
    return torch.where(root, x.abs().clamp(min=TINY).sqrt() * x.sign(), x)


def scales_of(parts: Parts, weight: Float[Tensor, "t n"]) -> Mapping[str, PartScale]:
    """The scale of each part.

    Args:
        parts: Features of the support of T tasks.
        weight: Weights of the support.

    Example:
        >>> parts = Parts({"a": torch.rand(2, 5, 64)}, {"a": torch.ones(2, 5, dtype=torch.bool)})
        >>> scales_of(parts, torch.ones(2, 5))["a"].mean.shape
        torch.Size([2, 1, 64])
    """
    return {name: PartScale.fit(parts[name], weight * parts.there[name].to(weight)) for name in parts.names}


def spread_of(parts: Parts, weight: Float[Tensor, "t n"]) -> Float[Tensor, "t p"]:
    """How much the support's examples differ in each part: their mean squared distance from their mean at length 1.

    v_p = (1 - ||mean_i u_pi||^2) n / (n - 1), u = r(x) / ||r(x)||, the root r as in `PartScale`

    Numbers, which have no such length, get the mean of the other parts.

    Args:
        parts: Features `[T, n, d]` of the support.
        weight: Weights of its examples.
    """
    spreads = []
    for name in parts.names:
        w = (weight * parts.there[name].to(weight))[..., None]
        rows = _raised(parts[name], PartScale.fit(parts[name], w[..., 0]).root)
        rows = rows / rows.norm(dim=-1, keepdim=True).clamp(min=TINY)
        mean = (w * rows).sum(1) / w.sum(1).clamp(min=TINY)
        count = (w > 0).sum(1)[:, 0].clamp(min=2)
        spread = (1 - mean.square().sum(-1)) * count / (count - 1)
        spreads.append(torch.where(w.sum(1)[:, 0] > 0, spread, 1.0).clamp(min=1e-3))
    found = torch.stack(spreads, -1)
    long = torch.tensor([parts[name].shape[-1] >= SHORT for name in parts.names], device=found.device)
    if not bool(long.any()):
        return torch.ones_like(found)
    return torch.where(long, found, found[:, long].mean(-1, keepdim=True))


def side_by_side(parts: Parts) -> Tensor:
    """The features of all parts in one vector, each part of length 1 and together of length 1; zeros for missing parts.

    This is what a learner of one kind of features sees of examples of several parts: all parts count the same.

    Args:
        parts: Features `[..., d]` of each part.

    Example:
        >>> parts = Parts.of({"a": torch.ones(1, 4), "b": torch.ones(1, 1)}, {"b": [False]})
        >>> side_by_side(parts)
        tensor([[0.5000, 0.5000, 0.5000, 0.5000, 0.0000]])
    """
    count = torch.stack(list(parts.there.values())).sum(0).clamp(min=1)[..., None]
    rows = [
        torch.where(
            parts.there[name][..., None], parts[name] / parts[name].norm(dim=-1, keepdim=True).clamp(min=TINY), 0.0
        )
        for name in parts.names
    ]
    return torch.cat(rows, -1) / count.to(rows[0]).sqrt()
