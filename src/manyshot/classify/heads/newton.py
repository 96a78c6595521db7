"""Newton's method for many multinomial logistic regressions on the same rows."""

import torch
from jaxtyping import Float
from torch import Tensor

MAX_STEPS = 100
MAX_INNER_STEPS = 200
MAX_HALVINGS = 30


class SoftmaxProblem:
    """L2-penalized multinomial logistic regressions of B splits, f of each, that differ in their weights.

    minimize over M = [W, b]:  sum_i w_i H(y_i, softmax(W t_i + b)) + lambda/2 ||W||^2

    Args:
        rows: Rows with a constant 1 at the end `[B, n, k]`.
        y: Labels `[n, c]`.
        w: Weights `[B, n, f]`.
        allowed: 0 or minus infinity `[B, f, c]`, for classes that a fit does not know.
        penalty: Strength lambda `[k]` of the penalty, 0 for the offset.
    """

    def __init__(
        self,
        rows: Float[Tensor, "b n k"],
        y: Float[Tensor, "n c"],
        w: Float[Tensor, "b n f"],
        allowed: Float[Tensor, "b f c"],
        penalty: Float[Tensor, " k"],
    ) -> None:
        self.rows, self.w, self.y = rows, w[..., None], y[:, None]
        self.allowed, self.penalty = allowed[:, None], penalty[:, None, None]

    def logits(self, maps: Tensor) -> Tensor:
        """Logits `[B, n, f, c]` of coefficients `[B, k, f, c]`."""
        return _times(self.rows, maps) + self.allowed

    def value(self, maps: Tensor) -> Tensor:
        """The objective `[B, f]`."""
        losses = -(self.y * self.logits(maps).log_softmax(-1).nan_to_num(neginf=0.0)).sum(-1, keepdim=True)
        return (self.w * losses).sum((1, 3)) + (self.penalty * maps.square()).sum((1, 3)) / 2

    def gradient(self, maps: Tensor, probabilities: Tensor) -> Tensor:
        """The gradient `[B, k, f, c]`."""
        return _times(self.rows.mT, self.w * (probabilities - self.y)) + self.penalty * maps

    def curvature(self, direction: Tensor, probabilities: Tensor) -> Tensor:
        """The Hessian times a direction `[B, k, f, c]`."""
        change = probabilities * _times(self.rows, direction)
        change = self.w * (change - probabilities * change.sum(-1, keepdim=True))
        return _times(self.rows.mT, change) + self.penalty * direction

    def preconditioner(self, probabilities: Tensor) -> Tensor:
        """The inverse `[B, k, k]` of a matrix like the Hessian of one class, the same for all classes and fits.

        It takes the curvature of each row, diag(p) - p p^T, for a multiple of the identity with the same trace.
        """
        curvature = (self.w * (1 - probabilities.square().sum(-1, keepdim=True))).mean((2, 3), keepdim=True)[:, :, 0]
        system = self.rows.mT @ (curvature / (probabilities.shape[-1] - 1) * self.rows)
        system = system + torch.diag_embed(self.penalty[:, 0, 0])
        # The offset has no penalty, and no curvature either once all rows are certain.
        system[:, -1, -1] += 1e-9 * self.w.sum((1, 2, 3)) / self.w.shape[2]
        return torch.cholesky_inverse(torch.linalg.cholesky(system))


def minimize_softmax(problem: SoftmaxProblem, start: Float[Tensor, "b k f c"], tolerance: float) -> Tensor:
    """Minimize by Newton steps, each solved by conjugate gradients as far as it pays (Nash and Sofer 1990).

    Args:
        problem: What to minimize.
        start: Coefficients to start from.
        tolerance: Stop after a step whose promised decrease is below this part of the total weight, in every fit.

    Returns:
        Coefficients `[B, k, f, c]`.
    """
    maps, value = start, problem.value(start)
    total = problem.w.sum((1, 3)).clamp(min=1e-300)
    for _ in range(MAX_STEPS):
        probabilities = problem.logits(maps).softmax(-1)
        gradient = problem.gradient(maps, probabilities)
        step = _newton_step(problem, gradient, probabilities, total)
        slope = _dot(gradient, step)
        maps, value, moved = _descend(problem, maps, value, step, slope)
        if not bool((moved & (-slope > tolerance * total)).any()):
            break
    return maps


def _newton_step(problem: SoftmaxProblem, gradient: Tensor, probabilities: Tensor, total: Tensor) -> Tensor:
    """Solve Hessian x step = -gradient by preconditioned conjugate gradients."""
    inverse = problem.preconditioner(probabilities)
    step, residual = torch.zeros_like(gradient), -gradient
    scaled = _times(inverse, residual)
    direction, energy = scaled, _dot(residual, scaled)
    # Closer to the minimum the system is solved more exactly, which makes the convergence superlinear; below the
    # floors there are rounding errors only.
    goal = torch.maximum(energy * (energy / total).sqrt().clamp(1e-8, 0.1), 1e-26 * total)
    for _ in range(MAX_INNER_STEPS):
        going = energy > goal
        if not bool(going.any()):
            break
        bent = problem.curvature(direction, probabilities)
        length = torch.where(going, energy / _dot(direction, bent).clamp(min=1e-300), 0.0)[:, None, :, None]
        step, residual = step + length * direction, residual - length * bent
        scaled = _times(inverse, residual)
        following = torch.where(going, _dot(residual, scaled), energy)
        direction = scaled + (following / energy.clamp(min=1e-300))[:, None, :, None] * direction
        energy = following
    return step


def _descend(
    problem: SoftmaxProblem, maps: Tensor, value: Tensor, step: Tensor, slope: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Halve the step of each fit until the objective falls enough (Armijo 1966); also whether it moved."""
    length = torch.ones_like(value)
    for _ in range(MAX_HALVINGS):
        tried = maps + length[:, None, :, None] * step
        after = problem.value(tried)
        bad = after > value + 1e-4 * length * slope
        if not bool(bad.any()):
            break
        length = torch.where(bad, length / 2, length)
    moved = ~bad
    return torch.where(moved[:, None, :, None], tried, maps), torch.where(moved, after, value), moved


def _times(rows: Tensor, maps: Tensor) -> Tensor:
    product: Tensor = rows @ maps.flatten(2)
    return product.view(*product.shape[:2], *maps.shape[2:])


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 3))
