"""How long candidates take to compare, known before it is done."""

import time
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from manyshot.classify.choose.candidates import HEAD_GRID, NO_PLAN, Candidate
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.frozen_encoders import encoder_blocks
from manyshot.classify.heads import HEADS, Transform, leave_one_out

SIZES = (16, 128, 448)
"""Numbers of rows, and of features, of the fits that are timed."""
FITS_TO_ALL = 3
"""Fits of the chosen candidate to each training set that follow: it is judged, with and without augmentation, and with
names, and calibrated."""


def seconds_to_compare(
    encoded: EncodedExamples, candidates: Sequence[Candidate], training_sets: int, repeats: int
) -> float:
    """Seconds that it takes on this machine to compare candidates, and to judge the one that is chosen.

    Candidates that differ in their heads alone are fitted together. A fit to R rows of d features takes
    a + b R k + c k^2 (0.3 R + 0.7 k) seconds with k = min(R, d): k^2 R to multiply, k^3 for eigenvectors; and twice as
    long where encoders are joined to more features than rows, which have to be rotated once more.

    Args:
        encoded: Features, of which only the shapes are looked at.
        candidates: What is compared.
        training_sets: Number of training sets: all examples, and those of each outer split.
        repeats: Repetitions of the inner splits; 0 where nothing is compared.

    Example:
        >>> features = EncodedExamples({("pixels", "none"): torch.zeros(6, 1, 3)})
        >>> seconds_to_compare(features, [], 16, 3)
        0.0
    """
    groups = {(one.encoder, one.setting.transform, one.setting.variants): one for one in candidates}
    each = [_seconds_of(encoded, one) for one in groups.values()]
    return training_sets * (repeats * sum(each) + FITS_TO_ALL * max(each, default=0.0))


def _seconds_of(encoded: EncodedExamples, candidate: Candidate) -> float:
    """Seconds of one fit of a candidate, with its folds left out."""
    sizes = [encoded.features[block, NO_PLAN].shape[-1] for block in encoder_blocks(candidate.encoder)]
    rows = len(encoded) * (1 + candidate.setting.copies)
    joined = sum(min(rows, size) for size in sizes) > max(rows, sizes[0])
    return (2 if joined else 1) * _seconds_of_fit(rows, sum(sizes))


def _terms(rows: int, features: int) -> tuple[float, float, float]:
    rank = min(rows, features)
    return 1.0, rows * rank, rank**2 * (0.3 * rows + 0.7 * rank)


def _seconds_of_fit(rows: int, features: int) -> float:
    return float(np.dot(_terms(rows, features), _measure_fits()))


@lru_cache(maxsize=1)
def _measure_fits() -> tuple[float, float, float]:
    """The constants a, b and c of this machine, once per process: at least 0, and exact for the fits that are timed."""
    heads = [HEADS.build(head) for head in HEAD_GRID]
    seconds = []
    for size in SIZES:
        x, y = torch.rand(size, size, generator=torch.Generator().manual_seed(0)), torch.eye(2).repeat(size // 2, 1)
        splits = 4 if size == SIZES[0] else 1
        times = []
        for _ in range(2):  # the first call is slower
            start = time.process_time()
            leave_one_out(Transform(0.5), heads, x, y, torch.ones(splits, size), torch.arange(size) % 5)
            times.append((time.process_time() - start) / splits / torch.get_num_threads())
        seconds.append(min(times))
    constant, last = seconds[0], seconds[-1] - seconds[0]
    middle = max(seconds[1] - constant, 0.0)
    (_, b1, c1), (_, b2, c2) = _terms(SIZES[1], SIZES[1]), _terms(SIZES[2], SIZES[2])
    cubic = max((last - middle * b2 / b1) / (c2 - c1 * b2 / b1), 0.0)
    return constant, max(middle - cubic * c1, 0.0) / b1, cubic
