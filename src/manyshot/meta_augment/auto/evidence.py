"""What a support set says about each row of the menu: how its variants move, and how they help to predict each other.

All of it comes from inner products of features, so it does not depend on the order of classes or examples, and
thousands of tasks are looked at in one go.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.gram_ridge import frame, hat_matrix
from manyshot.meta_augment.auto.menu import USES

FOLDS = 5
"""Most folds of cross-validation."""
TINY = 1e-6

PROBE_NAMES = (
    "move",
    "spread",
    "nearer own class",
    "nearer other classes",
    "keep",
    "keep margin",
    "keep without own",
    "along within",
    "along between",
    "within over between",
    "common shift",
    "uneven move",
    "variants within",
    "variants between",
)
"""What is measured of the variants of one row of the menu; distances are relative to that between classes."""

SCORE_NAMES = ("accuracy", "error", "margin")
"""What cross-validation on the support says of a candidate: accuracy, minus squared error, and margin."""


def cross_validate(
    gram: Float[Tensor, "b n v n v"], labels: Int[Tensor, "b n"], uses: Sequence[str] = USES
) -> Float[Tensor, "b u 3"]:
    """Accuracy, minus squared error, and margin of ridge regression on examples that it has not seen.

    Args:
        gram: Inner products of the rows of n examples: the example itself, then its variants.
        labels: Class of each example.
        uses: How variants are used.

    Returns:
        For each use, the scores of `SCORE_NAMES`; all 0 with one example of a class.
    """
    fold = folds(labels)
    if int(fold.max()) == 0:
        return gram.new_zeros(len(gram), len(uses), 3)
    left_out = _left_out(gram, labels, fold)
    logits = [left_out.mean(2) if use == "views" else left_out[:, :, 0] for use in uses]
    return torch.stack([scores(one, labels) for one in logits], 1)


def _left_out(gram: Tensor, labels: Tensor, fold: Tensor) -> Float[Tensor, "b n v c"]:
    """What regressions without the fold of an example say of it and its variants, by one fit to all."""
    b, n, v = gram.shape[:3]
    rows = gram.reshape(b, n * v, n * v)
    targets = F.one_hot(labels).to(gram).repeat_interleave(v, 1)
    hat = hat_matrix(rows, row_weights(n, v).to(gram).expand(b, -1))
    wrong = targets - hat @ targets
    result = targets.clone()
    each, of_task = torch.arange(v).to(fold), torch.arange(b).to(fold)[:, None]
    order = fold.argsort(dim=1, stable=True)
    for part in range(int(fold.max()) + 1):
        # Every task of a batch has as many examples in a fold.
        members = order[fold.gather(1, order) == part].view(b, -1)
        own = (members[..., None] * v + each).flatten(1)
        block = hat[of_task[..., None], own[:, :, None], own[:, None]]
        system = torch.eye(own.shape[1]).to(gram) - block
        result[of_task, own] -= torch.linalg.solve(system, wrong[of_task, own])
    return result.view(b, n, v, -1)


def scores(logits: Float[Tensor, "b n c"], labels: Int[Tensor, "b n"]) -> Float[Tensor, "b 3"]:
    """Accuracy, minus squared error, and mean margin over the best other class.

    Args:
        logits: Of n examples.
        labels: Their classes.
    """
    targets = F.one_hot(labels, logits.shape[2]).to(logits)
    right = (logits * targets).sum(2)
    other = (logits - 1e6 * targets).amax(2)
    error = (logits - targets).square().sum(2)
    return torch.stack([(right > other).to(logits).mean(1), -error.mean(1), (right - other).mean(1)], 1)


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


def probe(gram: Float[Tensor, "b n v n v"], labels: Int[Tensor, "b n"]) -> Float[Tensor, "b p"]:
    """How the variants of one row of the menu move, in the order of `PROBE_NAMES`.

    Args:
        gram: Inner products of the rows of n examples: the example itself, then its variants.
        labels: Class of each example.
    """
    b, n, v = gram.shape[:3]
    weights = torch.zeros(n, v).to(gram)
    weights[:, 0] = 1
    rows = gram.reshape(b, n * v, n * v)
    cosines = frame(rows, weights.flatten().expand(b, -1))(rows, rows.diagonal(dim1=1, dim2=2)).view_as(gram)
    same = (labels[:, :, None] == labels[:, None]).to(gram)
    eye = torch.eye(n).to(gram)
    pair, other = same - eye, 1 - same
    plain, cross, variants = cosines[:, :, 0, :, 0], cosines[:, :, 1:, :, 0], cosines[:, :, 1:, :, 1:]
    own = torch.diagonal(cross, dim1=1, dim2=3).mT  # cosine of a variant and its example [b, n, v - 1]
    step = (2 - 2 * own).clamp(min=0)  # squared length of its displacement
    move = step.mean(2)
    between = 2 - 2 * _mean(plain, other)
    paired = pair.sum((1, 2)) > 0
    within = torch.where(paired, 2 - 2 * _mean(plain, pair), between)
    toward, among = cross.mean(2), variants.mean((2, 4))

    def nearer(cosine: Tensor, mask: Tensor, before: Tensor) -> Tensor:
        return (2 - 2 * _mean(cosine, mask) - before) / between

    inner = torch.diagonal(variants, dim1=1, dim2=3).permute(0, 3, 1, 2)
    twins = (inner.sum((2, 3)) - (v - 1)) / max((v - 1) * (v - 2), 1)
    along_within, along_between = _along(cross - plain[:, :, None], step, labels, plain)
    return torch.stack(
        [
            move.mean(1) / between,
            (2 - 2 * twins.mean(1)) / between if v > 2 else move.mean(1) / between,
            torch.where(paired, nearer(toward, pair, within), 0.0),
            nearer(toward, other, between),
            *_kept(cross, plain, labels, pair),
            along_within,
            along_between,
            (along_within + TINY).log() - (along_between + TINY).log(),
            _common(variants, cross, plain) / (move.mean(1) + TINY),
            torch.einsum("bn,bnm->bm", move, same / same.sum(2, keepdim=True)).std(1) / (move.mean(1) + TINY),
            torch.where(paired, nearer(among, pair, within), 0.0),
            nearer(among, other, between),
        ],
        1,
    )


def _common(variants: Tensor, cross: Tensor, plain: Tensor) -> Tensor:
    """Mean inner product of the displacements of two examples: above 0 if all go the same way."""
    n = plain.shape[1]
    drift = variants - cross[..., None] - cross.permute(0, 3, 1, 2)[:, :, None] + plain[:, :, None, :, None]
    mean = drift.mean((2, 4))
    return (mean.sum((1, 2)) - mean.diagonal(dim1=1, dim2=2).sum(1)) / (n * (n - 1))


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the pairs of a mask `[b]`; 0 where there are none."""
    return (values * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)


def _kept(cross: Tensor, plain: Tensor, labels: Tensor, pair: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How often variants stay nearest to the mean of their class, by how much, and so without their own example."""
    classes = F.one_hot(labels).to(cross)  # [b, n, c]
    means = classes / classes.sum(1, keepdim=True)
    near = torch.einsum("bivj,bjc->bivc", cross, means)
    right = (near * classes[:, :, None]).sum(3)
    wrong = (near - 1e6 * classes[:, :, None]).amax(3)
    kept, margin = (right > wrong).to(cross).mean((1, 2)), (right - wrong).mean((1, 2))
    others = pair / pair.sum(2, keepdim=True).clamp(min=1)
    right_by_others = torch.einsum("bivj,bij->biv", cross, others)
    plain_by_others = (plain * others).sum(2)
    best_other = (torch.einsum("bij,bjc->bic", plain, means) - 1e6 * classes).amax(2)
    gain = (right_by_others > wrong).to(cross).mean((1, 2)) - (plain_by_others > best_other).to(cross).mean(1)
    return kept, margin, torch.where(pair.sum((1, 2)) > 0, gain, 0.0)


def _along(moved: Tensor, step: Tensor, labels: Tensor, plain: Tensor) -> tuple[Tensor, Tensor]:
    """How much of a displacement lies along differences within, and between, the other classes.

    The squared inner product with a difference, over the squared lengths of both, is 1 if they are parallel.
    """
    classes = F.one_hot(labels).to(moved)
    means = classes / classes.sum(1, keepdim=True)  # [b, n, c]
    to_means = torch.einsum("bivj,bjc->bivc", moved, means)
    away = moved - torch.einsum("bivc,bjc->bivj", to_means, classes)  # with each example less the mean of its class
    foreign = 1 - classes @ classes.mT  # [b, i, j]
    gram_of_means = means.mT @ plain @ means
    residue = plain.diagonal(dim1=1, dim2=2) - torch.einsum(
        "bjc,bc->bj", classes, gram_of_means.diagonal(dim1=1, dim2=2)
    )
    within = torch.einsum("bivj,bij->biv", away.square(), foreign) / (
        step * torch.einsum("bj,bij->bi", residue.clamp(min=0), foreign)[..., None] + TINY
    )
    absent = (1 - classes)[:, :, None]  # [b, i, 1, c], the classes of other examples
    count = absent.sum(3, keepdim=True).clamp(min=1)
    centered = (to_means - (to_means * absent).sum(3, keepdim=True) / count) * absent
    lengths = gram_of_means.diagonal(dim1=1, dim2=2)[:, None, None] * absent
    scatter = lengths.sum(3) - torch.einsum("bivc,bcd,bivd->biv", absent, gram_of_means, absent) / count[..., 0]
    between = centered.square().sum(3) / (step * scatter.clamp(min=0) + TINY)
    return within.mean((1, 2)), between.mean((1, 2))
