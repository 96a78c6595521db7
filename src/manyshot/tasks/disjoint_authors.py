"""Tasks whose support and query share no author: no query is answered by another picture of the same patient."""

import numpy as np
from numpy.typing import NDArray

from manyshot.base import InputError
from manyshot.base.seeds import uniform
from manyshot.tasks.source import Source

ATTEMPTS = 64
"""How often authors are drawn anew if too few examples of a class fall to one side."""


def draw_disjoint(
    source: Source, classes: NDArray[np.int64], shots: int, queries: int, seed: int, stream: int, task: int
) -> NDArray[np.int64]:
    """Draw the examples of one task, support first, from authors of whom each is on one side of it.

    Authors are put in a random order; those before a threshold give the support of all classes, the others the queries.
    The threshold leaves each side its share of the examples, as far as every class has enough on both.

    Args:
        source: Source with authors.
        classes: Indices `[ways]` of the classes.
        shots: Number of support examples per class.
        queries: Number of query examples per class.
        seed: Seed of the tasks.
        stream: Number that sets this draw apart from others of the task.
        task: Number of the task.

    Returns:
        Indices `[ways, shots + queries]` of examples.

    Raises:
        InputError: If the classes have too few authors.

    Example:
        >>> import torch
        >>> source = Source.of(torch.zeros(8, 1), labels=["a", "b"] * 4, authors=[0, 1, 0, 1, 2, 3, 2, 3])
        >>> drawn = draw_disjoint(source, np.array([0, 1]), 1, 1, seed=0, stream=0, task=0)
        >>> drawn.shape, bool((source.authors_of_rows[drawn[:, 0]] != source.authors_of_rows[drawn[:, 1]]).all())
        ((2, 2), True)
    """
    authors = source.authors_of_rows
    assert authors is not None  # the sampler has checked
    rows = [np.arange(source.starts[c], source.starts[c + 1]) for c in classes.tolist()]
    everyone = int(authors.max()) + 1
    for attempt in range(ATTEMPTS):
        place = uniform(seed, stream, task, attempt, np.arange(everyone))
        keys = [place[authors[members]] for members in rows]
        ordered = [np.sort(key) for key in keys]
        # Support takes keys up to the threshold, so it lies from the last needed shot to before the first needed query.
        low = max(key[shots - 1] for key in ordered)
        high = min(key[len(key) - queries] for key in ordered)
        if low < high:
            break
    else:
        raise InputError(
            f"{source.name}: too few authors (patients) in classes {[source.class_names[c] for c in classes.tolist()]} "
            f"for shots + queries = {shots} + {queries} that share none; lower them"
        )
    share = float(np.mean([key[min(len(key) * shots // (shots + queries), len(key) - 1)] for key in ordered]))
    threshold = min(max(share, low), np.nextafter(high, 0))
    drawn = []
    for way, (members, key) in enumerate(zip(rows, keys, strict=True)):
        rank = uniform(seed, stream + 1, task, way, np.arange(len(members)))
        before = key <= threshold
        support = members[before][np.argsort(rank[before], kind="stable")[:shots]]
        query = members[~before][np.argsort(rank[~before], kind="stable")[:queries]]
        drawn.append(np.concatenate((support, query)))
    return np.stack(drawn)
