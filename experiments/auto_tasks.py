"""Draw tasks from the sets of `experiments/auto_features.py`: what is seen of each, and what every plan gains.

    python experiments/auto_tasks.py FEATURES TABLES [--wide]

A file of TABLES a set; one that is there is not made again.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auto_features import RIVALS
from numpy.typing import NDArray

from manyshot.meta_augment.auto.menu import CANDIDATES, OPS, USES, Candidate
from manyshot.meta_augment.auto.variant_gram import VariantGram, draw_tasks, gather_evidence, measure_gains

QUERIES = 15
WAYS = (2, 3, 5, 5, 5)
AS_IS, WIDE, NUISANCES = {1: 12, 2: 12, 5: 16}, {1: 200, 2: 200, 5: 200, 10: 24}, {1: 6, 2: 6, 5: 8}
"""Tasks by shots of a data set as it is, of one with more pictures, and of a set with nuisances."""
AT_ONCE = 40
MEASURED = (*CANDIDATES, *(Candidate((row,), use) for row in RIVALS for use in USES))


@dataclass(frozen=True, eq=False)
class Measured:
    """The tasks of a curriculum set by shots.

    Args:
        name: Its data set.
        family: Data sets that are held out with it.
        as_is: Whether nothing was put in.
        seed: Seed.
        parts: By shots and part: what was seen of the tasks (`task`, `moves`, `scores`), and the accuracy (`right`) of
            every candidate, of a data set as it is followed by those of `RIVALS`.
    """

    name: str
    family: str
    as_is: bool
    seed: int
    parts: dict[str, NDArray[np.float32]]


def read_variants(path: Path) -> tuple[dict[str, Any], NDArray[np.int64], VariantGram]:
    """What `auto_features` wrote of a curriculum set."""
    with np.load(path, allow_pickle=False) as stored:
        head = json.loads(str(stored["head"]))
        pictures = torch.from_numpy(stored["pictures"]).float() / 255
        plain = torch.from_numpy(stored["plain"]).float()
        variants = torch.from_numpy(stored["variants"]).float()
        labels = stored["labels"]
    return head, labels, VariantGram.of(pictures, plain, list(variants), (*OPS, *RIVALS)[: len(variants)])


def measure(
    variants: VariantGram, labels: NDArray[np.int64], ways: int, counts: dict[int, int], seed: int, as_is: bool
) -> Any:
    """Parts of a `Measured`."""
    parts: dict[str, NDArray[np.float32]] = {}
    for shots, count in counts.items():
        drawn = draw_tasks(labels, ways, shots, QUERIES, count, np.random.default_rng((seed, shots)))
        size = AT_ONCE if shots < 10 else 5
        found: dict[str, list[torch.Tensor]] = {"task": [], "moves": [], "scores": [], "right": []}
        for start in range(0, len(drawn.support), size):
            support, query, own, of_query = (
                torch.from_numpy(np.ascontiguousarray(part[start : start + size]))
                for part in (drawn.support, drawn.query, drawn.labels, drawn.of_query)
            )
            seen = gather_evidence(variants, support, own)
            right = measure_gains(variants, support, query, own, of_query, MEASURED if as_is else CANDIDATES)
            for name, part in zip(found, (seen.task, seen.op_effects, seen.scores, right), strict=True):
                found[name].append(part)
        parts |= {f"{name} {shots}": torch.cat(rows).numpy() for name, rows in found.items() if rows}
    return parts


def read_tasks(folder: Path) -> list[Measured]:
    """All files of TABLES."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            head = json.loads(str(stored["head"]))
            parts = {name: stored[name] for name in stored.files if name != "head"}
        found.append(Measured(head["set"], head["family"], not head["nuisances"], head["seed"], parts))
    return found


def main() -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--wide", action="store_true", help="more tasks and shots of data sets as they are")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.tables.mkdir(parents=True, exist_ok=True)
    for path in sorted(given.features.glob("*.npz"), key=lambda path: path.stat().st_mtime):
        out = given.tables / path.name
        if out.exists():
            continue
        start = time.monotonic()
        head, labels, variants = read_variants(path)
        as_is, seed = not head["nuisances"], head["seed"]
        ways = 5 if as_is else int(np.random.default_rng(seed + len(head["set"])).choice(WAYS))
        counts = WIDE if given.wide else AS_IS if as_is else NUISANCES
        parts = measure(variants, labels, ways, counts, seed, as_is)
        if parts:
            np.savez(out, head=json.dumps(head), **parts)
        print(f"{head['set']} {seed}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
