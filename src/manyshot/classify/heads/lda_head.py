"""Linear discriminant analysis with a shrunk covariance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.heads.head import LeftOut, Linear, LinearHead, absent
from manyshot.classify.heads.row_space import RowSpace
from manyshot.runtime.linear_systems import solve_systems

TINY = 1e-30
CHUNK = 2**23
"""Most numbers in one array of left-out class means: 64 MiB."""


@dataclass(frozen=True)
class LDA(LinearHead):
    """Normal classes with one covariance, shrunk towards a multiple of the identity (Ledoit and Wolf 2004).

    S = sum_ic w_i y_ic (x_i - m_c)(x_i - m_c)^T / sum_i w_i,   C = (1 - s) S + s v I,   v = trace(S) / r
    logit_c(x) = x^T C^-1 m_c - m_c^T C^-1 m_c / 2 + log(class weight)

    r = min(d, n - c) is the number of dimensions that n rows of c classes can fill. Where d is the smaller, this is
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s) of scikit-learn, which always divides by d; with few examples
    of many features its s means a far smaller variance in the directions that the rows leave empty.

    Args:
        shrinkage: Shrinkage s, above 0 and at most 1. At 1 it is the nearest class mean, with class weights.

    Raises:
        InputError: If the shrinkage is out of range.

    Example:
        >>> x = torch.tensor([[[-2.0], [0.0], [1.0], [3.0]]])
        >>> y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> head = LDA().fit(x, y, torch.ones(1, 4))
        >>> (head.weight[0, 1] - head.weight[0, 0]).item()  # the means differ by 3, the variance is 1
        3.0
    """

    shrinkage: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.shrinkage <= 1:
            raise InputError(f"shrinkage={self.shrinkage}: give a number above 0 and at most 1")

    @classmethod
    def fit_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
    ) -> list[Linear]:
        """Solve for every shrinkage; see `Head.fit_each`."""
        mass, total = w @ y, w.sum(1, keepdim=True)
        means = (w[..., None] * y).mT @ space.coordinates / mass.clamp(min=TINY)[..., None]
        scatter = torch.diag_embed(space.energy) - means.mT @ (mass[..., None] * means)
        rows, k = (w > 0).sum(1), space.energy.shape[1]
        target = _target(_trace(scatter), space.energy.sum(1), _rank(rows, mass, space), rows, k)
        absence = absent(mass, mass)
        return [_solve(head, Classes(means, mass, scatter, target), total, absence) for head in heads]

    @classmethod
    def leave_out_each(
        cls, heads: Sequence[Any], space: RowSpace, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"], left_out: LeftOut
    ) -> Float[Tensor, "h b n c"]:
        """Take each example out of means and scatter by Woodbury's formula; see `Head.leave_out_each`.

        What belongs to several classes, such as folds and soft labels, takes a system of its own.
        """
        of_one_class = (y == y[left_out.rows[:, 0]][left_out.example]).all() & ((y == 0) | (y == 1)).all()
        if not bool(of_one_class):
            return _leave_folds_out(heads, space, y, w, left_out)
        within = _within(space, y, w)
        size = max(1, CHUNK // (w.shape[0] * y.shape[1] * space.energy.shape[1]))
        logits = []
        for chunk in torch.split(torch.arange(len(left_out.rows)), size):
            reduced = _take_out(space, within, y, w, left_out, chunk)
            logits.append(torch.stack([_reduced_logits(head.shrinkage, within, reduced) for head in heads]))
        gone = left_out.classes_gone(y, w)[:, :, None]
        return left_out.back(torch.cat(logits, 2) + gone, w.shape[1])


class Classes(NamedTuple):
    """What LDA needs to know of the rows of B splits.

    Args:
        means: Mean `[B, c, k]` of each class.
        mass: Weight `[B, c]` of each class.
        scatter: Scatter within classes `[B, k, k]`.
        target: Mean variance v `[B]` of the shrunk covariance, times the weight of all rows.
    """

    means: Tensor
    mass: Tensor
    scatter: Tensor
    target: Tensor


def _solve(head: LDA, classes: Classes, total: Tensor, absence: Tensor) -> Linear:
    identity = torch.eye(classes.scatter.shape[1], dtype=torch.float64)
    shrunk = (1 - head.shrinkage) * classes.scatter + head.shrinkage * classes.target[:, None, None] * identity
    weight = solve_systems(shrunk / total[..., None], classes.means.mT).mT
    log_prior = (classes.mass / total).clamp(min=TINY).log()
    return Linear(weight, absence + log_prior - (weight * classes.means).sum(-1) / 2)


def _leave_folds_out(
    heads: Sequence[LDA], space: RowSpace, y: Tensor, w: Tensor, left_out: LeftOut
) -> Float[Tensor, "h b n c"]:
    """`Head.leave_out_each` by one system for each fold, whose scatter is that of all rows less the fold's."""
    result = torch.zeros(len(heads), *w.shape, y.shape[1], dtype=torch.float64)
    for fold in range(len(left_out.rows)):
        rows = left_out.example == fold
        out, weights, kept = space.coordinates[:, rows], w[:, rows, None], torch.where(rows, 0.0, w)
        mass, total = kept @ y, kept.sum(1, keepdim=True)
        center = -(weights * out).sum(1, keepdim=True) / total.clamp(min=TINY)[..., None]
        means = (kept[..., None] * y).mT @ space.coordinates / mass.clamp(min=TINY)[..., None]
        squares = torch.diag_embed(space.energy) - out.mT @ (weights * out)
        scatter = squares - means.mT @ (mass[..., None] * means)
        spread = _trace(squares) - total[:, 0] * center.square().sum((1, 2))
        count, k = (kept > 0).sum(1), space.energy.shape[1]
        target = _target(_trace(scatter), spread, _rank(count, mass, space), count, k)
        classes, absence = Classes(means - center, mass, scatter, target), absent(w @ y, mass)
        for head, row in zip(heads, result, strict=True):
            row[:, rows] = _solve(head, classes, total, absence)(out - center)
    return result


def _trace(matrices: Float[Tensor, "b k k"]) -> Float[Tensor, " b"]:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)


class Within(NamedTuple):
    """The scatter within classes, sum_ic w_i y_ic (t_i - m_c)(t_i - m_c)^T = axes diag(energy) axes^T.

    Args:
        energy: `[B, k]`.
        axes: Orthonormal columns `[B, k, k]`.
        means: Class means `[B, c, k]` along the axes.
        mass: Weight `[B, c]` of each class.
        rank: The largest rank `[B]` that so many rows of so many classes can have.
    """

    energy: Tensor
    axes: Tensor
    means: Tensor
    mass: Tensor
    rank: Tensor


class Reduced(NamedTuple):
    """What changes when the v rows of an example of class g are taken out, for e examples.

    The scatter falls by D^T M D, with the rows of D the deviations t_i - m_g.

    Args:
        deviations: D `[B, e, v, k]`.
        inner: M `[B, e, v, v]`.
        class_mean: Mean m_g of the class before `[B, e, k]`.
        means: Class means after `[B, e, c, k]`.
        total: Weight after `[B, e]`.
        target: Mean variance v of the shrunk covariance after `[B, e]`.
        log_prior: Logarithm of the class weights after `[B, e, c]`.
    """

    deviations: Tensor
    inner: Tensor
    class_mean: Tensor
    means: Tensor
    total: Tensor
    target: Tensor
    log_prior: Tensor


def _within(space: RowSpace, y: Tensor, w: Tensor) -> Within:
    mass = w @ y
    means = (w[..., None] * y).mT @ space.coordinates / mass.clamp(min=TINY)[..., None]
    scatter = torch.diag_embed(space.energy) - means.mT @ (mass[..., None] * means)
    energy, axes = torch.linalg.eigh(scatter)
    return Within(energy.clamp(min=0), axes, means @ axes, mass, _rank((w > 0).sum(1), mass, space))


def _rank(rows: Tensor, mass: Tensor, space: RowSpace) -> Tensor:
    return (rows - (mass > 1e-9 * mass.sum(-1, keepdim=True)).sum(-1)).clamp(1, space.energy.shape[1]).double()


def _target(within: Tensor, total: Tensor, rank: Tensor, rows: Tensor, k: int) -> Tensor:
    """The mean scatter within classes; of all rows where each class has one, and 1 where there is one row."""
    total = torch.where(total > TINY, total, 1.0)
    return torch.where(within > 1e-9 * total, within / rank, total / (rows - 1).clamp(1, k))


def _take_out(space: RowSpace, within: Within, y: Tensor, w: Tensor, left_out: LeftOut, chunk: Tensor) -> Reduced:
    rows, real = left_out.rows[chunk], left_out.real[chunk]
    coordinates, weight = (space.coordinates @ within.axes)[:, rows], w[:, rows] * real
    own = y[rows[:, 0]]
    class_mean, before = own @ within.means, within.mass @ own.mT
    deviations = coordinates - class_mean[:, :, None]
    after = before - weight.sum(-1)
    after = torch.where(after > 1e-9 * before, after, torch.inf)
    inner = torch.diag_embed(weight) + weight[..., None] * weight[..., None, :] / after[..., None, None]
    step = (weight[:, :, None] @ deviations)[:, :, 0] / after[..., None]
    total = (w.sum(1, keepdim=True) - weight.sum(-1)).clamp(min=TINY)
    mass = (within.mass[:, None] - weight.sum(-1)[..., None] * own).clamp(min=TINY)
    trace = within.energy.sum(1, keepdim=True) - (inner * (deviations @ deviations.mT)).sum((-1, -2))
    moment = (weight[:, :, None] @ coordinates).square().sum((-1, -2)) / total
    spread = space.energy.sum(1, keepdim=True) - (weight * coordinates.square().sum(-1)).sum(-1) - moment
    kept_rows = (w > 0).sum(1, keepdim=True) - (weight > 0).sum(-1)
    return Reduced(
        deviations,
        inner,
        class_mean,
        within.means[:, None] - own[..., None] * step[:, :, None],
        total,
        _target(trace, spread, _rank(kept_rows, mass, space), kept_rows, space.energy.shape[1]) / total,
        (mass / total[..., None]).log(),
    )


def _reduced_logits(shrinkage: float, within: Within, reduced: Reduced) -> Tensor:
    """Logits `[B, e, v, c]` of the rows that were taken out."""
    factor = ((1 - shrinkage) / reduced.total)[..., None]
    variance = factor * within.energy[:, None] + shrinkage * reduced.target[..., None]
    means = reduced.means / variance[:, :, None]
    deviations = reduced.deviations / variance[:, :, None]
    # C^-1 = A^-1 + A^-1 D^T K D A^-1 with A = diag(variance)
    scaled_inner = factor[..., None] * reduced.inner
    identity = torch.eye(scaled_inner.shape[-1], dtype=torch.float64)
    system = identity - scaled_inner @ (deviations @ reduced.deviations.mT)
    core = solve_systems(system, scaled_inner)
    rows = reduced.deviations + reduced.class_mean[:, :, None]
    to_means = core @ (deviations @ reduced.means.mT)
    products = rows @ means.mT + (rows @ deviations.mT) @ to_means
    squares = (means * reduced.means).sum(-1) + ((deviations @ reduced.means.mT) * to_means).sum(-2)
    logits: Tensor = products + (reduced.log_prior - squares / 2)[:, :, None]
    return logits
