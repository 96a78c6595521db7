"""Features of a data set's pictures and of all their variants, and tasks drawn from them for next to nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.candidate_ops import OPS, build_ops
from manyshot.meta_augment.auto.evidence import SHARPNESS, TaskEvidence, look_at
from manyshot.meta_augment.auto.gram_ridge import fit_gram_ridge

Encode = Callable[[Float[Tensor, "n 3 s s"]], Float[Tensor, "n d"]]
"""Features of pictures from 0 to 1."""


@dataclass(frozen=True, eq=False)
class VariantGram:
    """Gram matrix of the features of n pictures and their augmented variants.

    Args:
        gram: `[n v, n v]` with v = 1 + ops * copies: of each picture itself first, then the copies of each op.
        copies: Variants of a picture under each.
        ops: Number of ops that made variants; `OPS` unless given.
    """

    gram: Float[Tensor, "nv nv"]
    copies: int
    ops: int = len(OPS)

    @staticmethod
    def of(plain: Float[Tensor, "n d"], variants: Iterable[Float[Tensor, "n copies d"]]) -> "VariantGram":
        """The inner products of given features.

        Args:
            plain: Features of the pictures.
            variants: Features of their variants under each op.
        """
        parts = [plain[:, None], *variants]
        joined = torch.cat(parts, 1)
        features = (joined.sign() * joined.abs().sqrt()).flatten(0, 1)  # Tukey's power, as `fit` has it
        return VariantGram(features @ features.T, parts[-1].shape[1], len(parts) - 1)

    def columns(self, counts: Int[Tensor, "b ops"], first: int = 0) -> Int[Tensor, "b v"]:
        """Where a picture and its variants are, of all that belongs to the picture.

        An op that has more variants than there are copies takes them again.

        Args:
            counts: Variants under each op, as many in all for each task.
            first: The copy that is taken first.
        """
        places = [
            [0, *(1 + row * self.copies + (first + k) % self.copies for row, n in enumerate(own) for k in range(n))]
            for own in counts.tolist()
        ]
        return torch.tensor(places)

    def places(self, pictures: Int[Tensor, "b n"], columns: Int[Tensor, "b v"]) -> Int[Tensor, "b nv"]:
        """Rows of the Gram matrix.

        Args:
            pictures: Pictures of each task.
            columns: From `columns`.
        """
        every = 1 + self.ops * self.copies
        return (pictures[..., None] * every + columns[:, None].to(pictures)).flatten(1)

    def select(
        self, left: Int[Tensor, "b n"], right: Int[Tensor, "b m"], columns: Int[Tensor, "b v"]
    ) -> Float[Tensor, "b nv mv"]:
        """Inner products of the rows of some pictures, of each task.

        Args:
            left: Pictures of each task.
            right: Others.
            columns: From `columns`.
        """
        return self.gram[self.places(left, columns)[:, :, None], self.places(right, columns)[:, None]]


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
    return VariantGram.of(features(pictures), variants)


def gather_evidence(variants: VariantGram, support: Int[Tensor, "b n"], labels: Int[Tensor, "b n"]) -> TaskEvidence:
    """Look at the support sets of b tasks.

    Args:
        variants: Inner products of the pictures; the first variant of each under each of `OPS` is looked at.
        support: Pictures of each support.
        labels: Their classes, from 0.
    """
    columns = variants.columns(torch.ones(len(support), len(OPS), dtype=torch.long))
    b, n, v = *support.shape, columns.shape[1]
    return look_at(variants.select(support, support, columns).view(b, n, v, n, v), labels)


@dataclass(frozen=True, eq=False)
class Tasks:
    """Tasks whose pictures are those of a `VariantGram`.

    Args:
        support: Pictures of each support.
        query: Pictures of each query.
        labels: Classes of the support.
        of_query: Classes of the query.
    """

    support: Int[Tensor, "b n"]
    query: Int[Tensor, "b m"]
    labels: Int[Tensor, "b n"]
    of_query: Int[Tensor, "b m"]

    def __len__(self) -> int:
        return len(self.support)

    def split(self, size: int) -> Iterable["Tasks"]:
        """The tasks, some at a time."""
        parts = (torch.split(part, size) for part in (self.support, self.query, self.labels, self.of_query))
        return (Tasks(*part) for part in zip(*parts, strict=True))


def query_logits(
    variants: VariantGram, tasks: Tasks, columns: Int[Tensor, "b v"], shares: Float[Tensor, "b w"] | None = None
) -> Float[Tensor, "b m c"]:
    """What ridge regression says of clean queries and their variants, averaged, under a mix.

    Args:
        variants: Inner products of the pictures.
        tasks: Tasks.
        columns: The examples and their variants, from `VariantGram.columns`.
        shares: Weight of each variant, of 1 in all; equal if not given.
    """
    b, n = tasks.support.shape
    v = columns.shape[1]
    if shares is None:
        shares = torch.full((b, v - 1), 1 / max(v - 1, 1)).to(variants.gram)
    own = variants.select(tasks.support, tasks.support, columns)
    cross = variants.select(tasks.query, tasks.support, columns)
    squares = variants.gram.diagonal()[variants.places(tasks.query, columns)]
    itself = shares.new_ones(b, 1)
    weights = torch.cat([itself, shares], 1)[:, None].expand(b, n, v).flatten(1)
    targets = F.one_hot(tasks.labels).to(variants.gram).repeat_interleave(v, 1)
    logits = fit_gram_ridge(own, targets, weights)(cross, squares).view(b, tasks.query.shape[1], v, -1)
    views = torch.cat([itself / v, shares * (v - 1) / v], 1)
    return torch.einsum("bmvc,bv->bmc", logits, views)


def accuracies(variants: VariantGram, tasks: Tasks, columns: Int[Tensor, "b v"]) -> Float[Tensor, " b"]:
    """Accuracy of each task under a mix; see `query_logits`."""
    return (query_logits(variants, tasks, columns).argmax(2) == tasks.of_query).float().mean(1)


def loss_slopes(variants: VariantGram, tasks: Tasks, first: int = 0) -> Float[Tensor, "b ops"]:
    """How the cross-entropy of the queries changes with the weight of each op, at equal weights of all; 0 on average.

    Args:
        variants: Inner products of the pictures.
        tasks: Tasks.
        first: Which copy of each variant is used.
    """
    shares = torch.full((len(tasks), len(OPS)), 1 / len(OPS), requires_grad=True)
    logits = query_logits(
        variants, tasks, variants.columns(torch.ones(len(tasks), len(OPS), dtype=torch.long), first), shares
    )
    losses = F.cross_entropy(SHARPNESS * logits.flatten(0, 1), tasks.of_query.flatten(), reduction="none")
    (slopes,) = torch.autograd.grad(losses.view(len(tasks), -1).mean(1).sum(), shares)
    return slopes - slopes.mean(1, keepdim=True)


def draw_tasks(
    labels: NDArray[np.int64], ways: int, shots: int, queries: int, count: int, random: np.random.Generator
) -> Tasks:
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
    return Tasks(
        *(torch.tensor(part.reshape(count, part.shape[1] * part.shape[2])) for part in (support, query, own, of_query))
    )
