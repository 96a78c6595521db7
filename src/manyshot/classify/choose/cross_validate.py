"""Logits of examples that a candidate has not seen, for many candidates and training sets at once."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from manyshot.classify.choose.candidates import Candidate, Setting
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.heads import leave_one_out, predict_splits


def stratified_folds(
    labels: NDArray[np.int64], folds: int, seed: int, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Assign examples to folds at random, so that each fold has about the same number of every class.

    Examples of one group come into one fold; groups are assigned one after the other, the largest first, each to the
    fold that has fewest examples of its most frequent class.

    Args:
        labels: Class `[n]` of each example.
        folds: Number of folds.
        seed: Seed of the assignment.
        groups: Group `[n]` of each example; None if each is on its own.

    Returns:
        The fold `[n]` of each example, from 0 to `folds - 1`.

    Example:
        >>> folds = stratified_folds(np.array([0, 0, 1, 1]), 2, seed=0)
        >>> sorted(folds[:2].tolist()), sorted(folds[2:].tolist())
        ([0, 1], [0, 1])
    """
    random = np.random.default_rng((seed, len(labels)))
    if groups is None:
        result = np.empty(len(labels), dtype=np.int64)
        start = 0
        for label in np.unique(labels):
            members = random.permutation(np.flatnonzero(labels == label))
            result[members] = (start + np.arange(len(members))) % folds
            start += len(members)  # the remainders of the classes go to different folds
        return result
    result = np.full(len(labels), -1, dtype=np.int64)
    _, group_ids, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    counts = np.zeros((folds, labels.max() + 1))
    order = random.permutation(len(sizes))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        members = np.flatnonzero(group_ids == group)
        own = np.bincount(labels[members], minlength=counts.shape[1])
        frequent = own.argmax()
        fold = min(random.permutation(folds), key=lambda fold: (counts[fold, frequent], counts[fold].sum()))
        counts[fold] += own
        result[members] = fold
    return result


def left_out_logits(
    encoded: EncodedExamples,
    labels: Int[Tensor, " n"],
    classes: int,
    candidates: Sequence[Candidate],
    training: Float[Tensor, "b n"],
    folds: Int[Tensor, " n"] | None,
) -> Iterator[tuple[int, Float[Tensor, "b n c"]]]:
    """The logits of each example by a fit without its fold, for each candidate.

    Candidates that differ only in their head, or in whether views are averaged, are fitted together.

    Args:
        encoded: Features.
        labels: Class `[n]` of each example.
        classes: Number of classes.
        candidates: What is fitted.
        training: 1 `[B, n]` for the examples of each training set, 0 for the others.
        folds: Fold `[n]` of each example; None for the plain fits to the training sets.

    Yields:
        Index of the candidate, and its logits `[B, n, c]`; minus infinity for a class that the fit has not seen.
    """
    targets = F.one_hot(labels, classes).double()
    for indices in _fitted_together(candidates):
        first = candidates[indices[0]]
        each = 1 + first.setting.copies
        x, y = encoded.rows(first.encoder, first.setting), targets.repeat_interleave(each, 0)
        w = training.double().repeat_interleave(each, 1) * encoded.row_weights(first.setting)
        texts = list(dict.fromkeys(candidates[index].setting.head for index in indices))
        heads = [next(c.setting.build_head() for c in candidates if c.setting.head == text) for text in texts]
        if folds is None:
            logits = predict_splits(first.setting.transform, heads, x, y, w)
        else:
            logits = leave_one_out(first.setting.transform, heads, x, y, w, folds.repeat_interleave(each))
        logits = logits.view(*logits.shape[:2], len(labels), each, classes)
        for index in indices:
            setting = candidates[index].setting
            yield index, join_views(logits[texts.index(setting.head)], setting)


def join_views(logits: Float[Tensor, "*b n v c"], setting: Setting) -> Float[Tensor, "*b n c"]:
    """One row of logits an example: those of the example as it is, or the mean over it and its variants.

    Args:
        logits: Logits `[..., n, 1 + copies, c]`.
        setting: Says whether views are averaged.
    """
    if not setting.views:
        return logits[..., 0, :]
    mean = logits.mean(-2)
    return torch.where(logits[..., 0, :].isinf(), logits[..., 0, :], mean)


def _fitted_together(candidates: Sequence[Candidate]) -> list[list[int]]:
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, candidate in enumerate(candidates):
        setting = candidate.setting
        key = (candidate.encoder, setting.transform, setting.variants)
        groups.setdefault(key, []).append(index)
    return list(groups.values())
