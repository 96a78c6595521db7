"""Random partitions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError
from manyshot.base.seeds import uniform


def partition(n: int, fractions: Sequence[float], seed: int, stream: int, what: str) -> NDArray[np.int64]:
    """Assign n units to parts at random; sizes by largest remainder, at least one each.

    Args:
        n: Number of units.
        fractions: Fraction of each part; they add up to 1.
        seed: Seed of the partition.
        stream: Number that sets this partition apart from others of the same seed.
        what: Beginning of the error message.

    Returns:
        Index `[n]` of the part of each unit.

    Raises:
        InputError: If there are fewer units than parts.

    Example:
        >>> np.bincount(partition(10, (0.75, 0.25), seed=0, stream=0, what="10 classes"))
        array([8, 2])
    """
    if n < len(fractions):
        raise InputError(f"{what}, too few for {len(fractions)} parts")
    sizes = np.maximum(np.floor(np.asarray(fractions) * n).astype(int), 1)
    while sizes.sum() > n:
        sizes[np.argmax(sizes)] -= 1
    while sizes.sum() < n:
        sizes[np.argmax(np.asarray(fractions) * n - sizes)] += 1
    parts = np.empty(n, dtype=np.int64)
    parts[np.argsort(uniform(seed, stream, np.arange(n)), kind="stable")] = np.repeat(np.arange(len(fractions)), sizes)
    return parts
