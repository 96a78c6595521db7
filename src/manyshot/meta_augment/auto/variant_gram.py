"""Features of a data set's pictures and of all their variants, and tasks drawn from them for next to nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.evidence import cross_validate, probe, row_weights
from manyshot.meta_augment.auto.gram_ridge import fit_gram_ridge
from manyshot.meta_augment.auto.menu import CANDIDATES, COPIES, MIXED, OPS, PROBES, USES, Candidate, build_ops
from manyshot.meta_augment.auto.traits import describe_task, picture_traits

Encode = Callable[[Float[Tensor, "n 3 s s"]], Float[Tensor, "n d"]]
"""Features of pictures from 0 to 1."""


@dataclass(frozen=True, eq=False)
class VariantGram:
    """Inner products of the features of n pictures and of their variants under each row of the menu.

    Args:
        gram: `[n v, n v]` with v = 1 + rows * copies: of each picture itself first, then the copies of each row.
        rows: Rows of the menu.
        copies: Variants of a picture under each.
        traits: Traits of the pictures.
    """

    gram: Float[Tensor, "nv nv"]
    rows: tuple[str, ...]
    copies: int
    traits: Float[Tensor, "n p"]

    @staticmethod
    def of(
        pictures: Float[Tensor, "n 3 s s"],
        plain: Float[Tensor, "n d"],
        variants: Iterable[Float[Tensor, "n copies d"]],
        rows: Sequence[str] = OPS,
    ) -> "VariantGram":
        """The inner products of given features.

        Args:
            pictures: From 0 to 1, `SIDE` pixels high and wide.
            plain: Features of the pictures.
            variants: Features of their variants under each row of the menu.
            rows: Rows of the menu.
        """
        joined = torch.cat([plain[:, None], *variants], 1)
        features = (joined.sign() * joined.abs().sqrt()).flatten(0, 1)  # Tukey's power, as `fit` has it
        copies = (joined.shape[1] - 1) // len(rows)
        return VariantGram(features @ features.T, tuple(rows), copies, picture_traits(pictures))

    def columns(self, rows: Sequence[str], most: int) -> Int[Tensor, " v"]:
        """Where a picture and its variants under some rows are, of all that belongs to the picture.

        Args:
            rows: Rows of the menu, which share the variants.
            most: Variants of a picture, or of one row as many as there are.
        """
        each = min(self.copies, max(1, most // max(1, len(rows))))
        starts = [1 + self.rows.index(row) * self.copies for row in rows]
        return torch.tensor([0, *(start + copy for start in starts for copy in range(each))])

    def select(
        self, left: Int[Tensor, "b n"], right: Int[Tensor, "b m"], columns: Int[Tensor, " v"]
    ) -> Float[Tensor, "b n v m v"]:
        """Inner products of the rows of some pictures, of each task.

        Args:
            left: Pictures of each task.
            right: Others.
            columns: From `columns`.
        """
        every, v = 1 + len(self.rows) * self.copies, len(columns)
        places = [(part[..., None] * every + columns.to(part)).flatten(1) for part in (left, right)]
        found = self.gram[places[0][:, :, None], places[1][:, None]]
        return found.view(len(left), left.shape[1], v, right.shape[1], v)


@dataclass(frozen=True, eq=False)
class TaskEvidence:
    """What the support of each of b tasks shows before a plan is chosen.

    Args:
        task: Of each task, in the order of `TASK_NAMES`.
        op_effects: Of each row of the menu, in the order of `PROBE_NAMES`.
        scores: What cross-validation says of each of `CANDIDATES` but the first, less what it says of that, in the
            order of `SCORE_NAMES`.
    """

    task: Float[Tensor, "b t"]
    op_effects: Float[Tensor, "b ops p"]
    scores: Float[Tensor, "b candidates s"]


def encode_variants(
    pictures: Float[Tensor, "n 3 s s"], encode: Encode, copies: int, generator: Generator, at_once: int = 4096
) -> VariantGram:
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
        return torch.cat([encode(part).float() for part in torch.split(images, at_once)])

    repeated = pictures.repeat_interleave(copies, 0)
    variants = (features(build_ops(ops)(repeated, generator)).view(n, copies, -1) for ops in OPS)
    return VariantGram.of(pictures, features(pictures), variants)


def gather_evidence(variants: VariantGram, support: Int[Tensor, "b n"], labels: Int[Tensor, "b n"]) -> TaskEvidence:
    """Look at the support sets of b tasks.

    Args:
        variants: Inner products of the pictures; the first `PROBES` variants of each are looked at.
        support: Pictures of each support.
        labels: Their classes, from 0.
    """
    plain = cross_validate(variants.select(support, support, torch.tensor([0])), labels, USES[:1])[:, 0]
    scored = []
    for rows, uses in _together(CANDIDATES[1:]):
        seen = variants.select(support, support, variants.columns(rows, PROBES if len(rows) == 1 else MIXED))
        scored.append(cross_validate(seen, labels, uses) - plain[:, None])
    probed = (variants.select(support, support, variants.columns((row,), PROBES)) for row in OPS)
    op_effects = torch.stack([probe(gram, labels) for gram in probed], 1)
    return TaskEvidence(describe_task(variants.traits[support], labels, plain), op_effects, torch.cat(scored, 1))


def _together(candidates: Sequence[Candidate]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Rows, and the uses of the candidates of these rows, which follow each other."""
    return [(rows, [one.use for one in part]) for rows, part in groupby(candidates, lambda one: one.rows)]


def measure_gains(
    variants: VariantGram,
    support: Int[Tensor, "b n"],
    query: Int[Tensor, "b m"],
    labels: Int[Tensor, "b n"],
    of_query: Int[Tensor, "b m"],
    candidates: Sequence[Candidate] = CANDIDATES,
) -> Float[Tensor, "b candidates"]:
    """Accuracy on clean queries of each candidate.

    Args:
        variants: Inner products of the pictures.
        support: Pictures of each support.
        query: Pictures of each query.
        labels: Classes of the support.
        of_query: Classes of the query.
        candidates: Candidates; those of the same rows must follow each other.
    """
    b, n = support.shape
    targets = F.one_hot(labels).to(variants.gram)
    results = []
    for rows, uses in _together(candidates):
        columns = variants.columns(rows, COPIES if len(rows) == 1 else MIXED) if rows else torch.tensor([0])
        v = len(columns)
        own = variants.select(support, support, columns).view(b, n * v, n * v)
        cross = variants.select(query, support, columns).view(b, -1, n * v)
        places = query[..., None] * (1 + len(variants.rows) * variants.copies) + columns.to(query)
        squares = variants.gram.diagonal()[places.flatten(1)]
        head = fit_gram_ridge(own, targets.repeat_interleave(v, 1), row_weights(n, v).to(own).expand(b, -1))
        logits = head(cross, squares).view(b, query.shape[1], v, -1)
        results += [_right(logits.mean(2) if use == "views" else logits[:, :, 0], of_query) for use in uses]
    return torch.stack(results, 1)


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(2) == labels).float().mean(1)


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
