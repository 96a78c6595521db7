"""How much each part counts: weights of parts from leave-one-out errors in closed form."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from manyshot.runtime.linear_systems import solve_systems

PENALTIES = (0.03, 0.1, 0.3, 1.0)
"""Penalties among which leave-one-out chooses."""
USUAL_PENALTY = 0.1
"""The penalty where there is nothing to choose by."""
SHARPNESS = 0.125
"""How much an example's left-out error counts; chosen from 0 to 0.5 on classes that no figure is reported on."""
STEPS = {1: 1, 2: 10, 3: 6, 4: 4}
"""How finely the weights of so many parts are tried: in steps of 1 over this."""


@dataclass(frozen=True)
class FusedKernels:
    """The kernels of P parts between n support examples of T tasks, and how they become one.

    K_ij = sum_p w_p k_p(i, j) / sqrt(s_i s_j),   s_i = sum of w_p over the parts that example i has

    so that an example that lacks a part is compared by those that it has.

    Args:
        kernels: Kernels `[P, T, n, n]`, 0 where one of the two examples lacks the part.
        there: Whether each example has each part, `[P, T, n]`.
        labels: Labels `[T, n, ways]`.
        weight: Weights `[T, n]`.
        group: Number of the example `[T, n]` that each is a variant of; variants of an example are left out together.
        spread: How much examples differ in each part `[T, P]`, see `manyshot.learners.part_features.spread_of`.
    """

    kernels: Float[Tensor, "p t n n"]
    there: Bool[Tensor, "p t n"]
    labels: Float[Tensor, "t n ways"]
    weight: Float[Tensor, "t n"]
    group: Int[Tensor, "t n"]
    spread: Float[Tensor, "t p"]

    def of(self, parts: list[int]) -> "FusedKernels":
        """Restrict to a subset of the parts (modalities); examples that have none of them weigh nothing.

        Args:
            parts: Indices of parts.
        """
        there = self.there[parts]
        weight = self.weight * there.any(0).to(self.weight)
        return FusedKernels(self.kernels[parts], there, self.labels, weight, self.group, self.spread[:, parts])

    def joined(self, weights: Float[Tensor, "t p"]) -> Float[Tensor, "t n n"]:
        """The kernel for given weights of the parts.

        Args:
            weights: Weights of each task.
        """
        scale = present_weight(self.there, weights).rsqrt()
        kernel = torch.einsum("tp,ptij->tij", weights, self.kernels)
        return kernel * scale[:, :, None] * scale[:, None]

    @property
    def offset(self) -> Float[Tensor, "t 1 ways"]:
        """Weighted mean of the labels."""
        w = self.weight[..., None]
        return (w * self.labels).sum(1, keepdim=True) / w.sum(1, keepdim=True).clamp(min=1e-12)

    def duals(self, weights: Float[Tensor, "t p"], penalty: Float[Tensor, " t"]) -> Float[Tensor, "t n ways"]:
        """Solve the ridge regressions to the labels; logits of a row q of kernels are q @ duals + offset.

        Args:
            weights: Weights of the parts.
            penalty: Penalties.
        """
        root = self.weight.sqrt()[..., None]
        system = root * self.joined(weights) * root.mT
        system = system + penalty[:, None, None] * torch.eye(system.shape[1]).to(system)
        solved: Tensor = root * solve_systems(system, root * (self.labels - self.offset))
        return solved

    def left_out_errors(self, weights: Float[Tensor, "t p"]) -> Float[Tensor, "penalties t"]:
        """Sum of squared errors of the labels of examples that are left out, for each of `PENALTIES`.

        With A = S^1/2 K S^1/2 + lambda and Z = A^-1 S^1/2 (Y - offset), the errors of the examples of a group G by the
        fit without them are (A^-1)_GG^-1 Z_G: one solution for all groups. The offset and the centering of features
        stay those of all examples.

        Args:
            weights: Weights of the parts.
        """
        root = self.weight.sqrt()[..., None]
        energy, axes = torch.linalg.eigh(root * self.joined(weights) * root.mT)
        right = root * (self.labels - self.offset)
        same = self.group[:, :, None] == self.group[:, None]
        alone = bool((same.sum(-1) == 1).all())
        errors = []
        for penalty in PENALTIES:
            inverse = (axes / (energy.clamp(min=0) + penalty)[:, None]) @ axes.mT
            dual = inverse @ right
            if alone:
                error = dual / torch.diagonal(inverse, dim1=1, dim2=2)[..., None]
            else:
                error = solve_systems(inverse * same, dual)
            errors.append((error.square().sum(-1) * (self.weight > 0)).sum(1))
        return torch.stack(errors)


def present_weight(there: Bool[Tensor, "p t n"], weights: Float[Tensor, "t p"]) -> Float[Tensor, "t n"]:
    """The summed weights of the parts that each example has; 1 for an example that has none.

    Args:
        there: Which parts each example has.
        weights: Weights of the parts.
    """
    total = torch.einsum("tp,ptn->tn", weights, there.to(weights))
    return torch.where(total > 0, total, 1.0)


@torch.no_grad()
def choose_weights(fused: FusedKernels) -> tuple[Float[Tensor, "t p"], Float[Tensor, " t"]]:
    """Weights of the parts and the penalty of each task, by leave-one-out.

    w = sum_g L_g^(-m/8) w_g / sum_g L_g^(-m/8) over a grid of g on the simplex and of penalties, where w_gp is g_p
    times the spread of part p, up to a factor, and L_g the squared error over the m examples that are left out. m/2
    would be the posterior mean under independent normal errors of unknown variance; those of fits that share nearly all
    examples are not independent. With few examples all g are nearly as likely, so that the parts count by their spread,
    as they would side by side: a part in which all examples are alike says little. With many the best weights decide.
    Where a class has one example alone nothing can be left out, and g is equal.

    Args:
        fused: Kernels of the support.

    Returns:
        Weights `[T, P]`, which add up to 1, and penalties `[T]`.
    """
    parts, tasks = fused.kernels.shape[:2]
    equal = _scaled(fused.weight.new_ones(tasks, parts), fused.spread)
    usual = fused.weight.new_full((tasks,), USUAL_PENALTY)
    judged = _can_leave_out(fused)
    if not bool(judged.any()):
        return equal, usual
    grid = list(simplex(parts, STEPS.get(parts, 2)))
    penalties = torch.tensor(PENALTIES).to(fused.weight)
    tried = torch.stack([_scaled(equal.new_tensor(g).expand(tasks, -1), fused.spread) for g in grid])  # [g, T, P]
    errors = torch.stack([fused.left_out_errors(w) for w in tried])  # [g, l, T]
    count = _examples(fused)
    likelihood = (-SHARPNESS * count * errors.clamp(min=1e-12).log()).flatten(0, 1).softmax(0).reshape(errors.shape)
    weights = torch.einsum("glt,gtp->tp", likelihood, tried)
    penalty = torch.einsum("glt,l->t", likelihood, penalties.log()).exp()
    return torch.where(judged[:, None], weights, equal), torch.where(judged, penalty, usual)


def _scaled(weights: Tensor, spread: Tensor) -> Tensor:
    scaled = weights * spread
    return scaled / scaled.sum(-1, keepdim=True)


def simplex(parts: int, steps: int) -> Iterator[tuple[float, ...]]:
    """All weights of a number of parts in steps, which add up to 1.

    Args:
        parts: Number of parts.
        steps: Number of steps from 0 to 1.

    Example:
        >>> list(simplex(2, 2))
        [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)]
    """
    for counts in product(range(steps + 1), repeat=parts - 1):
        if sum(counts) <= steps:
            yield (*(count / steps for count in counts), (steps - sum(counts)) / steps)


def _examples(fused: FusedKernels) -> Tensor:
    """Number of examples `[T]` that are left out one by one."""
    real = fused.weight > 0
    same = (fused.group[:, :, None] == fused.group[:, None]) & real[:, None] & real[:, :, None]
    return (real / same.sum(-1).clamp(min=1)).sum(1)


def _can_leave_out(fused: FusedKernels) -> Tensor:
    """Whether each class of a task that has examples has two of them, `[T]`."""
    real = fused.weight > 0
    same = (fused.group[:, :, None] == fused.group[:, None]) & real[:, None] & real[:, :, None]
    mass = torch.nn.functional.one_hot(fused.labels.argmax(-1), fused.labels.shape[-1]) * real[..., None]
    count = (mass / same.sum(-1).clamp(min=1)[..., None]).sum(1)
    return ((count == 0) | (count > 1.5)).all(1) & (count > 0).any(1)
