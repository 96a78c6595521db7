"""Features of a data set's pictures and of all their variants, and tasks drawn from them for next to nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.evidence import cross_validate, probe, row_weights
from manyshot.meta_augment.auto.gram_ridge import fit_gram_ridge
from manyshot.meta_augment.auto.menu import OPS, PROBES, USES, build_ops
from manyshot.meta_augment.auto.traits import describe_task, picture_traits

Encode = Callable[[Float[Tensor, "n 3 s s"]], Float[Tensor, "n d"]]
"""Features of pictures from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Bank:
    """Inner products of the features of n pictures and of their variants under each row of the menu.

    Args:
        grams: `[n, v, n, v]` by row of `OPS`, v = 1 + copies, the picture itself first.
        traits: Traits of the pictures.
    """

    grams: tuple[Float[Tensor, "n v n v"], ...]
    traits: Float[Tensor, "n p"]


@dataclass(frozen=True, eq=False)
class Looks:
    """What is known of b tasks before a plan is chosen.

    Args:
        task: Of each task, in the order of `TASK_NAMES`.
        moves: Of each row of the menu, in the order of `PROBE_NAMES`.
        gains: What cross-validation says of it, in the order of `SCORE_NAMES`.
    """

    task: Float[Tensor, "b t"]
    moves: Float[Tensor, "b ops p"]
    gains: Float[Tensor, "b ops s"]


def fill_bank(
    pictures: Float[Tensor, "n 3 s s"], encode: Encode, copies: int, generator: Generator, at_once: int = 4096
) -> Bank:
    """Encode pictures and their variants.

    Args:
        pictures: From 0 to 1, `SIDE` pixels high and wide.
        encode: The frozen encoder.
        copies: Variants of each picture under each row of the menu.
        generator: Random numbers of the variants.
        at_once: Pictures that are encoded together.
    """
    n = len(pictures)

    def features(images: Tensor) -> Tensor:
        parts = [encode(part).float() for part in torch.split(images, at_once)]
        found = torch.cat(parts)
        return found.sign() * found.abs().sqrt()  # Tukey's power, as `fit` has it

    plain = features(pictures)[:, None]
    repeated = pictures.repeat_interleave(copies, 0)
    grams = []
    for ops in OPS:
        variants = features(build_ops(ops)(repeated, generator)).view(n, copies, -1)
        rows = torch.cat([plain, variants], 1).flatten(0, 1)
        grams.append((rows @ rows.T).view(n, 1 + copies, n, 1 + copies))
    return Bank(tuple(grams), picture_traits(pictures))


def look(bank: Bank, support: Int[Tensor, "b n"], labels: Int[Tensor, "b n"]) -> Looks:
    """Look at the support sets of b tasks.

    Args:
        bank: Of the pictures; the first `PROBES` variants of each are looked at.
        support: Pictures of each support.
        labels: Their classes, from 0.
    """
    first = _select(bank.grams[0], support, support, 1, 1)
    plain = cross_validate(first, labels)[:, 0]
    probes = [probe(_select(gram, support, support, 1 + PROBES, 1 + PROBES), labels, plain) for gram in bank.grams]
    return Looks(
        describe_task(bank.traits[support], labels, plain),
        torch.stack([one.moves for one in probes], 1),
        torch.stack([one.gains for one in probes], 1),
    )


def measure_gains(
    bank: Bank,
    support: Int[Tensor, "b n"],
    query: Int[Tensor, "b m"],
    labels: Int[Tensor, "b n"],
    of_query: Int[Tensor, "b m"],
) -> Float[Tensor, "b candidates"]:
    """Accuracy on clean queries of each candidate, in the order of `CANDIDATES`.

    Args:
        bank: Of the pictures.
        support: Pictures of each support.
        query: Pictures of each query.
        labels: Classes of the support.
        of_query: Classes of the query.
    """
    b, n = support.shape
    targets = F.one_hot(labels).to(bank.grams[0])
    results = []
    for ops, gram in enumerate(bank.grams):
        v = gram.shape[1]
        rows = _select(gram, support, support, v, v).view(b, n * v, n * v)
        cross = _select(gram, query, support, v, v).view(b, -1, n * v)
        squares = torch.diagonal(gram.flatten(0, 1).flatten(1, 2))[
            (query[..., None] * v + torch.arange(v).to(query)).flatten(1)
        ]
        if ops == 0:
            plain = fit_gram_ridge(rows[:, ::v, ::v], targets, torch.ones(b, n).to(gram))
            results.append(_right(plain(cross[:, ::v, ::v], squares[:, ::v]), of_query))
        each = targets.repeat_interleave(v, 1)
        heads = {
            total: fit_gram_ridge(rows, each, row_weights(n, v, total).to(gram).expand(b, -1))
            for total in set(USES.values())
        }
        for use, total in USES.items():
            logits = heads[total](cross, squares).view(b, query.shape[1], v, -1)
            results.append(_right(logits.mean(2) if use == "views" else logits[:, :, 0], of_query))
    return torch.stack(results, 1)


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(2) == labels).float().mean(1)


def _select(gram: Tensor, rows: Tensor, columns: Tensor, v: int, u: int) -> Tensor:
    """Part of the inner products, of each task `[b, n, v, m, u]`."""
    every = gram.shape[1]
    flat = gram.reshape(gram.shape[0] * every, -1)
    left = (rows[..., None] * every + torch.arange(v).to(rows)).flatten(1)
    right = (columns[..., None] * every + torch.arange(u).to(rows)).flatten(1)
    return flat[left[:, :, None], right[:, None]].view(len(rows), rows.shape[1], v, columns.shape[1], u)


@dataclass(frozen=True, eq=False)
class Draw:
    """Tasks as indices of pictures; classes are numbered within each task.

    Args:
        support: `[b, ways * shots]`.
        query: `[b, ways * queries]`.
        labels: Classes of the support.
        of_query: Classes of the query.
    """

    support: NDArray[np.int64]
    query: NDArray[np.int64]
    labels: NDArray[np.int64]
    of_query: NDArray[np.int64]


def draw_tasks(
    labels: NDArray[np.int64], ways: int, shots: int, queries: int, count: int, random: np.random.Generator
) -> Draw:
    """Draw tasks from classes that have enough pictures for the support and two queries.

    Args:
        labels: Class of each picture.
        ways: Classes of a task, or as many as there are.
        shots: Pictures of each class in the support.
        queries: Most pictures of each class in the query.
        count: Number of tasks; there are none where fewer than two classes are large enough.
        random: Random numbers.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    members = [rows for rows in members if len(rows) >= shots + 2]
    ways = min(ways, len(members))
    queries = min([queries, *(len(rows) - shots for rows in members)])
    if ways < 2:
        count = 0
    support = np.zeros((count, ways, shots), dtype=np.int64)
    query = np.zeros((count, ways, queries), dtype=np.int64)
    for task in range(count):
        for place, index in enumerate(random.permutation(len(members))[:ways]):
            rows = random.permutation(members[index])
            support[task, place], query[task, place] = rows[:shots], rows[shots : shots + queries]
    own, of_query = (np.broadcast_to(np.arange(ways)[:, None], part.shape) for part in (support, query))
    flat = (part.reshape(count, part.shape[1] * part.shape[2]) for part in (support, query, own, of_query))
    return Draw(*flat)
