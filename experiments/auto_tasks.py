"""Draw tasks from the sets of `experiments/auto_features.py`: what is seen of each, and what plans gain on it.

    python experiments/auto_tasks.py FEATURES TABLES

A file of TABLES a set; one that is there is not made again.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auto_features import COPIES, POLICIES
from torch import Tensor
from torch.nn import functional as F

from manyshot.meta_augment.auto.candidate_ops import OPS, VARIANTS, allot
from manyshot.meta_augment.auto.evidence import folds, left_out
from manyshot.meta_augment.auto.variant_gram import (
    Tasks,
    VariantGram,
    accuracies,
    draw_tasks,
    gather_evidence,
    loss_slopes,
)

QUERIES, WAYS = 15, 5
COUNTS = {1: 12, 2: 12, 5: 12, 10: 6, 20: 3}
"""Tasks of a data set by shots; of 10 and more only where there are pictures enough."""
MOST_SEEN = 10
"""Examples of a class that are looked at."""
FITTED = (1, 2, 5)
"""Shots to which something is fitted."""

_SINGLE = "1 3 5 7 9 12 14 19 20 22"
_MIXED = "5-12 7-12 12-14 5-7 5-7-12-14 7-9-3-12 5-7-3-12 5-7-3-14"
FIXED = tuple(tuple(int(row) for row in mix.split("-")) for mix in f"{_SINGLE} {_MIXED}".split())
"""Plans that need no weights: two variants by one op, or four by two or four ops; those that gained most on average in
an earlier, wider comparison."""
SINGLE, MIXED = slice(0, len(_SINGLE.split())), slice(len(_SINGLE.split()), len(FIXED))
"""Parts of `FIXED`."""


def read_bank(path: Path, *more: str) -> tuple[dict[str, Any], np.ndarray, VariantGram]:
    """What `auto_features` wrote of a set: its variants under the menu.

    With "policies", those under policies follow, each as several ops that make `COPIES`.
    """
    with np.load(path, allow_pickle=False) as stored:
        head = json.loads(str(stored["head"]))
        plain = torch.from_numpy(stored["plain"]).float()
        arrays = [torch.from_numpy(stored[part]).float() for part in ("variants", *more)]
        labels = stored["labels"]
    variants = [some for array in arrays for row in array for some in torch.split(row, COPIES, dim=1)]
    return head, labels, VariantGram.of(plain, variants)


def tasks_of(head: dict[str, Any], labels: np.ndarray, shots: int) -> Tasks:
    """The tasks of a set, which are the same for everything that is measured."""
    return draw_tasks(labels, WAYS, shots, QUERIES, COUNTS[shots], np.random.default_rng((head["seed"], shots)))


def seen_part(tasks: Tasks, shots: int) -> tuple[Tensor, Tensor]:
    """The part of the support that is looked at."""
    kept = torch.arange(tasks.support.shape[1]).view(-1, shots)[:, :MOST_SEEN].flatten()
    return tasks.support[:, kept], tasks.labels[:, kept]


def fixed_columns(bank: VariantGram, rows: tuple[int, ...], count: int) -> Tensor:
    """Where the variants of one of `FIXED` are."""
    counts = torch.zeros(1, len(OPS), dtype=torch.long)
    counts[0, list(rows)] = 2 if len(rows) < 4 else 1
    return bank.columns(counts).expand(count, -1)


def validated(bank: VariantGram, support: Tensor, labels: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Accuracy of cross-validation on the support of each task, and its squared error."""
    b, n, v = *support.shape, columns.shape[1]
    gram = bank.select(support, support, columns).view(b, n, v, n, v)
    logits = left_out(gram, labels, folds(labels)).mean(2)
    error = (logits - F.one_hot(labels)).square().sum(2).mean(1)
    return (logits.argmax(2) == labels).float().mean(1), error


def measure(bank: VariantGram, tasks: Tasks, shots: int) -> dict[str, Tensor]:
    """What is seen, and the accuracy of every plan that needs no weights."""
    size = {10: 3, 20: 3}.get(shots, 20)
    none = torch.zeros(len(tasks), 1, dtype=torch.long)
    parts = {"plain": accuracies(bank, tasks, none)}
    if shots > 1:
        support, labels = seen_part(tasks, shots)
        pieces = zip(torch.split(support, size), torch.split(labels, size), strict=True)
        seen = [gather_evidence(bank, *piece) for piece in pieces]
        parts |= {name: torch.cat([getattr(one, name) for one in seen]) for name in ("excess", "error")}
    if shots in FITTED:
        columns = [fixed_columns(bank, rows, len(tasks)) for rows in FIXED]
        parts["fixed"] = torch.stack([accuracies(bank, tasks, one) for one in columns], 1)
        even = torch.full((len(tasks), len(OPS)), 1 / len(OPS))
        columns = [bank.columns(with_policy(even, policy, VARIANTS)) for policy in range(len(POLICIES))]
        parts["policies"] = torch.stack([accuracies(bank, tasks, one) for one in columns], 1)
        if shots > 1:
            found = [validated(bank, tasks.support, tasks.labels, one) for one in (none, *columns)]
            parts["validated"] = torch.stack([right - 0.01 * error for right, error in found], 1)  # error breaks ties
    return parts


def with_policy(weights: Tensor, policy: int, share: int) -> Tensor:
    """How many variants each op of a bank with policies makes: some by a policy, and the rest of `VARIANTS` by weights.

    Args:
        weights: Of the ops of the menu.
        policy: Index into `POLICIES`.
        share: Variants by the policy.
    """
    pieces = VARIANTS // COPIES
    made = torch.zeros(len(weights), len(POLICIES), pieces, dtype=torch.long)
    made[:, policy, : share // COPIES] = COPIES
    return torch.cat([allot(weights, VARIANTS - share), made.flatten(1)], 1)


def main() -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("tables", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.tables.mkdir(parents=True, exist_ok=True)
    for path in sorted(given.features.glob("*.npz"), key=lambda path: path.stat().st_mtime):
        out = given.tables / path.name
        if out.exists():
            continue
        start = time.monotonic()
        head, labels, bank = read_bank(path, "policies")
        parts: dict[str, Tensor] = {}
        for shots in COUNTS:
            tasks = tasks_of(head, labels, shots)
            if not len(tasks) or (shots not in FITTED and np.bincount(labels).min() < shots + 5):
                continue
            with torch.inference_mode():
                found = measure(bank, tasks, shots)
            if shots in FITTED:
                found["slopes"] = torch.cat([loss_slopes(bank, part, first=1) for part in tasks.split(10)])
            parts |= {f"{name} {shots}": part for name, part in found.items()}
        kept = out.with_suffix(".part")
        with kept.open("wb") as file:
            np.savez(file, head=json.dumps(head), **{name: part.numpy() for name, part in parts.items()})
        kept.rename(out)
        print(f"{head['set']} {head['seed']}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
