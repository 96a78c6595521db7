"""Random choices without replacement, for many rows at once, each from its own address."""

import numpy as np
from numpy.typing import NDArray

from manyshot.base.seeds import Word, integers, uniform


def choose(n: NDArray[np.int64], k: int, *address: Word) -> NDArray[np.int64]:
    """Choose k different integers below n for each row, in random order, every ordered choice equally likely.

    Floyd's algorithm (Bentley and Floyd 1987) draws the set in k steps, whatever n is; a shuffle makes the order
    random.

    Args:
        n: `[rows]` how many there are to choose from, at least k each.
        k: Number of elements to choose.
        *address: Words that broadcast to `[rows]` and name the row's stream (see `manyshot.base.seeds`).

    Returns:
        `[rows, k]`.

    Example:
        >>> sorted(choose(np.array([3]), 3, 0, np.array([7]))[0].tolist())
        [0, 1, 2]
    """
    wide = [word if isinstance(word, int) else word[..., None] for word in address]
    steps = np.arange(k)
    last = n[:, None] - k + steps
    draws = integers(last + 1, *wide, steps)
    chosen = np.empty((len(n), k), dtype=np.int64)
    for step in range(k):
        taken = (chosen[:, :step] == draws[:, step, None]).any(1)
        chosen[:, step] = np.where(taken, last[:, step], draws[:, step])
    keys = uniform(*wide, k + steps)
    return np.take_along_axis(chosen, np.argsort(np.broadcast_to(keys, chosen.shape), axis=1), axis=1)
