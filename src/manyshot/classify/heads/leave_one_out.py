"""Logits for examples that a head has not seen, for many settings and splits of the same rows."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.heads.head import Head, LeftOut
from manyshot.classify.heads.row_space import RowSpace, decompose, rotate
from manyshot.classify.heads.transform import Transform

CHUNK = 2**24
"""Most numbers in one array of transformed rows: 128 MiB."""

Features = Tensor | Sequence[Tensor]
"""Rows `[n, d]` of one encoder, or of several, each transformed on its own before they are joined."""


def predict_splits(
    transform: Transform, heads: Sequence[Head], x: Features, y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]
) -> Float[Tensor, "h b n c"]:
    """Fit transform and heads to each split, and classify all rows.

    The rows of weight 0 are the split's test examples. All splits use the same rows, which are rotated into their
    row space once; heads of one class are fitted together, so that a grid of penalties costs little more than one.

    Args:
        transform: What happens to the features first.
        heads: The settings to try.
        x: Rows `[n, d]`, or several blocks of features of the same rows.
        y: Labels `[n, c]`, rows of sum 1.
        w: Weights `[B, n]`, 0 for rows that are left out.

    Returns:
        Logits `[len(heads), B, n, c]`; minus infinity for classes without examples in the split.

    Raises:
        InputError: If numbers of rows differ, or a split has no row of positive weight.

    Example:
        >>> from manyshot.classify.heads import Centroid
        >>> x, y = torch.tensor([[0.0], [1.0], [5.0], [6.0]]), torch.eye(2).repeat_interleave(2, 0)
        >>> logits = predict_splits(Transform(), [Centroid()], x, y, torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
        >>> logits.argmax(-1).tolist()
        [[[0, 0, 1, 1]]]
    """

    def classify(family: Sequence[Head], space: RowSpace, chunk: Tensor) -> Tensor:
        classifiers = type(family[0]).fit_each(family, space, y.double(), chunk)
        return torch.stack([classifier(space.coordinates) for classifier in classifiers])

    return _by_chunks(transform, heads, x, y, w, classify)


def leave_one_out(
    transform: Transform,
    heads: Sequence[Head],
    x: Features,
    y: Float[Tensor, "n c"],
    w: Float[Tensor, "b n"],
    example_ids: Int[Tensor, " n"],
) -> Float[Tensor, "h b n c"]:
    """Classify each row by the head fitted without the example that the row belongs to.

    Ridge, centroid and LDA have a closed form, logistic regression is fitted again from the fit to all. Rows of weight
    0 get the logits of the split's head. With the numbers of folds in place of examples, whole folds are left out.

    The transform's mean stays that of all rows of the split, which needs no labels, so that logits of two or three
    examples differ a little from those of a fit from the start. Without one example its class weighs less than the
    others, which a head of large penalty takes for a reason to predict them: on few balanced examples, folds with one
    example of each class judge more fairly.

    Args:
        transform: What happens to the features first.
        heads: The settings to try.
        x: Rows `[n, d]`, or several blocks of features of the same rows.
        y: Labels `[n, c]`, rows of sum 1.
        w: Weights `[B, n]`.
        example_ids: The example `[n]` of each row: all its variants are left out together.

    Returns:
        Logits `[len(heads), B, n, c]`; minus infinity for classes that are without examples then.

    Raises:
        InputError: As `predict_splits`.

    Example:
        >>> from manyshot.classify.heads import Ridge
        >>> x, y = torch.tensor([[0.0], [1.0], [5.0], [6.0]]), torch.eye(2).repeat_interleave(2, 0)
        >>> heads = [Ridge(0.1), Ridge(0.2)]
        >>> leave_one_out(Transform(), heads, x, y, torch.ones(1, 4), torch.arange(4)).argmax(-1).tolist()
        [[[0, 0, 1, 1]], [[0, 0, 1, 1]]]
    """
    left_out = LeftOut.of(example_ids)

    def classify(family: Sequence[Head], space: RowSpace, chunk: Tensor) -> Tensor:
        return type(family[0]).leave_out_each(family, space, y.double(), chunk, left_out)

    return _by_chunks(transform, heads, x, y, w, classify)


def balanced_weights(y: Float[Tensor, "n c"], w: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    """Weights under which all classes of a split weigh the same; the total stays.

    Args:
        y: Labels `[n, c]`.
        w: Weights `[B, n]`.

    Example:
        >>> y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> balanced_weights(y, torch.ones(1, 3)).tolist()
        [[0.75, 0.75, 1.5]]
    """
    mass = w @ y
    present = (mass > 0).sum(1, keepdim=True)
    factor = w.sum(1, keepdim=True) / present / mass.where(mass > 0, torch.inf)
    return w * (factor @ y.mT)


def _by_chunks(
    transform: Transform,
    heads: Sequence[Head],
    x: Features,
    y: Tensor,
    w: Tensor,
    classify: Callable[[Sequence[Head], RowSpace, Tensor], Tensor],
) -> Tensor:
    """Transform and decompose a few splits at a time, and collect the logits of all heads."""
    blocks = [x] if isinstance(x, Tensor) else list(x)
    rows = {len(block) for block in blocks} | {len(y), w.shape[1]}
    if len(rows) != 1:
        raise InputError(f"features, labels and weights have {sorted(rows)} rows; give as many of each")
    rotated = [rotate(transform.raise_to_power(block)) for block in blocks]
    rest = Transform(None, transform.center, transform.normalize)
    families: dict[type[Head], list[int]] = {}
    for index, head in enumerate(heads):
        families.setdefault(type(head), []).append(index)
    logits = torch.empty(len(heads), *w.shape, y.shape[1], dtype=torch.float64)
    size = max(1, CHUNK // (w.shape[1] * sum(block.shape[1] for block in rotated)))
    for splits in torch.split(torch.arange(len(w)), size):
        chunk = w[splits].double()
        parts = [rest.fit(block, chunk)(block) for block in rotated]
        space = decompose(torch.cat(parts, 2), chunk)
        for indices in families.values():
            logits[torch.tensor(indices)[:, None], splits] = classify([heads[i] for i in indices], space, chunk)
    return logits
