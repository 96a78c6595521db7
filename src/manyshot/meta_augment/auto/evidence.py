"""What a support set says about each op: how well its variants are told apart by a head that has not seen them.

All of it comes from inner products of features, so it does not depend on the names of classes, and thousands of tasks
are looked at in one go.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.gram_ridge import frame, hat_matrix
from manyshot.runtime.linear_systems import solve_systems

FOLDS = 5
"""Most folds of cross-validation."""
SHARPNESS = 8.0
"""Outputs of ridge regression times this are the logits of a cross-entropy."""

OfOps = Float[Tensor, "b ops"]
"""A number for each op, for each of b tasks."""


@dataclass(frozen=True, eq=False)
class TaskEvidence:
    """What the support of each of b tasks shows before a plan is chosen.

    Args:
        shots: Examples of a class.
        excess: Cross-entropy of the variants of left-out examples under each op, less the mean over ops; all 0 with
            one example of a class, where there is nothing to leave out.
        error: Square of its standard error over examples.
        accuracy: Of left-out examples, by the mean over their variants and themselves.
        move: Mean squared length by which each op moves features, over the squared distance between classes.
        keep: How often variants under each op stay nearest to the mean of their class.
    """

    shots: Float[Tensor, " b"]
    excess: OfOps
    error: OfOps
    accuracy: Float[Tensor, " b"]
    move: OfOps
    keep: OfOps


def look_at(gram: Float[Tensor, "b n v n v"], labels: Int[Tensor, "b n"]) -> TaskEvidence:
    """Look at the support sets of b tasks.

    Args:
        gram: Inner products of the features of n examples: of each itself, then of one variant of it under each op.
        labels: Class of each example.
    """
    b, n, v = gram.shape[:3]
    shots = gram.new_full((b,), n / (int(labels.max()) + 1))
    move, keep = _moves(gram, labels)
    fold = folds(labels)
    if int(fold.max()) == 0:
        nothing = gram.new_zeros(b, v - 1)
        return TaskEvidence(shots, nothing, nothing, gram.new_zeros(b), move, keep)
    logits = left_out(gram, labels, fold)
    targets = labels[:, :, None].expand(-1, -1, v)
    losses = F.cross_entropy(SHARPNESS * logits.flatten(0, 2), targets.flatten(), reduction="none").view(b, n, v)
    excess = losses[:, :, 1:] - losses[:, :, 1:].mean(2, keepdim=True)
    accuracy = (logits.mean(2).argmax(2) == labels).to(gram).mean(1)
    return TaskEvidence(shots, excess.mean(1), excess.var(1) / n, accuracy, move, keep)


def left_out(
    gram: Float[Tensor, "b n v n v"], labels: Int[Tensor, "b n"], fold: Int[Tensor, "b n"]
) -> Float[Tensor, "b n v c"]:
    """What regressions without the fold of an example say of it and its variants, by one fit to all.

    Args:
        gram: Inner products of the rows of n examples: the example itself, then its variants.
        labels: Class of each example.
        fold: Fold of each example, with as many examples in a fold of each task.
    """
    b, n, v = gram.shape[:3]
    rows = gram.reshape(b, n * v, n * v)
    targets = F.one_hot(labels).to(gram).repeat_interleave(v, 1)
    hat = hat_matrix(rows, row_weights(n, v).to(gram).expand(b, -1))
    wrong = targets - hat @ targets
    result = targets.clone()
    each, of_task = torch.arange(v).to(fold), torch.arange(b).to(fold)[:, None]
    order = fold.argsort(dim=1, stable=True)
    for part in range(int(fold.max()) + 1):
        members = order[fold.gather(1, order) == part].view(b, -1)
        own = (members[..., None] * v + each).flatten(1)
        block = hat[of_task[..., None], own[:, :, None], own[:, None]]
        system = torch.eye(own.shape[1]).to(gram) - block
        result[of_task, own] -= solve_systems(system, wrong[of_task, own])
    return result.view(b, n, v, -1)


def row_weights(n: int, v: int) -> Float[Tensor, " rows"]:
    """Weight of each row of n examples and their variants: those of an example weigh as much as itself.

    Args:
        n: Examples.
        v: Rows of an example: itself and v - 1 variants.

    Example:
        >>> row_weights(1, 3)
        tensor([1.0000, 0.5000, 0.5000])
    """
    weights = torch.ones(n, v)
    weights[:, 1:] = 1 / max(v - 1, 1)
    return weights.flatten()


def folds(labels: Int[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """Split the examples of each class evenly: the k-th of a class is in fold k, from 0 to at most `FOLDS` - 1.

    With one example in any class there is one fold alone.

    Example:
        >>> folds(torch.tensor([[0, 0, 0, 1, 1]]))
        tensor([[0, 1, 0, 0, 1]])
    """
    same = labels[:, :, None] == labels[:, None]
    least = int(same.sum(2).min())
    return same.tril(-1).sum(2) % min(least, FOLDS)


def _moves(gram: Tensor, labels: Tensor) -> tuple[OfOps, OfOps]:
    """How far variants move, and how often they stay nearest to the mean of their class."""
    b, n, v = gram.shape[:3]
    alone = torch.zeros(n, v).to(gram)
    alone[:, 0] = 1
    rows = gram.reshape(b, n * v, n * v)
    cosines = frame(rows, alone.flatten().expand(b, -1))(rows, rows.diagonal(dim1=1, dim2=2)).view_as(gram)
    cross = cosines[:, :, 1:, :, 0]  # of a variant and an example [b, n, ops, n]
    classes = F.one_hot(labels).to(gram)
    other = 1 - classes @ classes.mT
    between = 2 - 2 * (cosines[:, :, 0, :, 0] * other).sum((1, 2)) / other.sum((1, 2)).clamp(min=1)
    own = torch.diagonal(cross, dim1=1, dim2=3)  # [b, ops, n]
    move = (2 - 2 * own).clamp(min=0).mean(2) / between[:, None]
    near = torch.einsum("bivj,bjc->bivc", cross, classes / classes.sum(1, keepdim=True))
    keep = (near.argmax(3) == labels[:, :, None]).to(gram).mean(1)
    return move, keep
