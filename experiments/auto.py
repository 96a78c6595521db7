"""Judge `auto` on data sets that it was not fitted to, whole families of them held out; then fit what ships.

    python experiments/auto.py report TABLES results/auto.json [--judge WIDE]
    python experiments/auto.py ship TABLES WEIGHTS.safetensors

TABLES are what `experiments/auto_tasks.py` wrote. With `--judge`, methods are fitted and chosen with TABLES and judged
by the tasks of WIDE, other pictures of the same data sets.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auto_features import RIVALS
from auto_tasks import MEASURED, Measured, read_tasks
from numpy.typing import NDArray

from manyshot.meta_augment.auto.evidence import SCORE_NAMES
from manyshot.meta_augment.auto.menu import CANDIDATES, USES
from manyshot.meta_augment.auto.predictor import SHOTS, write_predictor
from manyshot.meta_augment.auto.train_predictor import Fit, KnownTasks, fit_predictor
from manyshot.meta_augment.auto.variant_gram import TaskEvidence

SEEDS = 5
"""Draws of the other task whose support is shown instead."""
JUDGED = (1, 2, 5, 10)
NOT_SHIPPED = {
    "CIFAR-FS": "research use",
    "skin lesions": "CC BY-NC 4.0",
    "blood cells": "GPL-3.0",
}
"""Families whose licence does not clearly allow weights that were trained on them to be passed on."""
AUTO, SWAPPED, ORACLE = "auto", "auto, another task's support", "best plan of each set (oracle)"
VARIANTS = {
    AUTO: Fit(),
    "auto, nuisances too": Fit(with_nuisances=1.0),
    "one policy for all": Fit(with_nuisances=1.0, blind=True),
}
"""Fitted arms."""


def known_tasks(found: list[Measured], shots: int) -> tuple[KnownTasks, NDArray[np.float32], list[str]]:
    """Tasks of a number of shots, the accuracy of each of `MEASURED` (NaN if it was not measured), and their sets."""
    families = sorted({one.family for one in found})
    rows: dict[str, list[Any]] = defaultdict(list)
    for number, one in enumerate(found):
        if f"right {shots}" not in one.parts:
            continue
        right = one.parts[f"right {shots}"]
        every = np.full((len(right), len(MEASURED)), np.nan, np.float32)
        every[:, : right.shape[1]] = right
        rows["right"].append(every)
        for part in ("task", "moves", "scores"):
            rows[part].append(one.parts[f"{part} {shots}"])
        rows["origin"] += [number] * len(right)
        rows["family"] += [families.index(one.family)] * len(right)
        rows["as_is"] += [one.as_is] * len(right)
        rows["name"] += [one.name] * len(right)
    right = np.concatenate(rows["right"])
    gains = right[:, 1 : len(CANDIDATES)] - right[:, :1]
    seen = TaskEvidence(*(torch.from_numpy(np.concatenate(rows[part])) for part in ("task", "moves", "scores")))
    known = KnownTasks(
        seen,
        torch.from_numpy(gains),
        torch.tensor(rows["origin"]),
        torch.tensor(rows["family"]),
        np.array(rows["as_is"]),
    )
    return known, right, rows["name"]


def choices(found: list[Measured], judged: list[Measured], family: str) -> dict[int, dict[str, NDArray[np.float64]]]:
    """Gains `[draws, tasks]` of each arm on the tasks of a family as it is, by shots."""
    others = {shots: known_tasks([one for one in found if one.family != family], shots) for shots in SHOTS}
    tasks_of = {shots: known[0] for shots, known in others.items()}
    fitted = {arm: fit_predictor(tasks_of, how) for arm, how in VARIANTS.items()}
    settings = [(one.slopes.tolist(), one.thresholds.tolist()) for one in fitted.values()]
    print(family, settings, flush=True)
    result: dict[int, dict[str, NDArray[np.float64]]] = {}
    for shots in JUDGED:
        own = [one for one in judged if one.family == family and one.as_is and f"right {shots}" in one.parts]
        if not own:
            continue
        tasks, right, names = known_tasks(own, shots)
        gains = (right - right[:, :1]).astype(np.float64)
        arms = fixed_arms(others[min(shots, SHOTS[-1])], tasks, gains)
        arms[ORACLE] = oracle(gains[:, : len(CANDIDATES)], np.array(names))
        swap = known_tasks([one for one in judged if one.family != family and one.as_is], shots)[0]
        every = np.arange(len(gains))
        arms |= {arm: gains[every, predictor(tasks.seen).argmax(1).numpy()] for arm, predictor in fitted.items()}
        others_seen = [other_tasks(swap, len(gains), seed) for seed in range(SEEDS)]
        arms[SWAPPED] = np.stack([gains[every, fitted[AUTO](seen).argmax(1).numpy()] for seen in others_seen])
        result[shots] = {arm: np.atleast_2d(rows) for arm, rows in arms.items()} | {"plain": right[None, :, 0]}
    return result


def other_tasks(tasks: KnownTasks, count: int, seed: int) -> TaskEvidence:
    """What is seen of tasks of random families."""
    random = np.random.default_rng((seed, 5))
    family = tasks.family.numpy()
    drawn = random.choice(np.unique(family), count)
    return tasks.select(np.array([random.choice(np.flatnonzero(family == one)) for one in drawn])).seen


def fixed_arms(
    others: tuple[KnownTasks, NDArray[np.float32], list[str]], tasks: KnownTasks, gains: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Gains of methods that learn nothing: plans that were best on average elsewhere, and cross-validation."""
    known, right, _ = others
    weight = known.weights(0.0).numpy()
    means = np.einsum("n,nk->k", weight, np.nan_to_num(right - right[:, :1]))
    allowed = {
        "best plan of the others": [True] * len(CANDIDATES) + [False] * len(RIVALS) * len(USES),
        "best op of the others": [len(one.rows) < 2 and one in CANDIDATES for one in MEASURED],
        "TrivialAugment": [one.rows == RIVALS[:1] for one in MEASURED],
        "RandAugment": [one.rows == RIVALS[1:] for one in MEASURED],
    }
    arms = {arm: gains[:, int(np.where(kept, means, -np.inf).argmax())] for arm, kept in allowed.items()}
    scores = tasks.seen.scores.numpy()
    accuracy, error = (scores[..., SCORE_NAMES.index(name)] for name in ("accuracy", "error"))
    several = bool((scores != 0).any())
    for arm, by in {"cross-validation": accuracy + 0.01 * error, "cross-validated error": error}.items():
        taken = np.concatenate([np.zeros((len(by), 1)), by], 1).argmax(1) if several else np.zeros(len(by), int)
        arms[arm] = gains[np.arange(len(gains)), taken]
    return arms


def oracle(gains: NDArray[np.float64], names: NDArray[np.str_]) -> NDArray[np.float64]:
    """Gains of the best plan of each data set; that of a task is chosen by the other half of the set's tasks."""
    result = np.zeros(len(gains))
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        for half in (0, 1):
            result[rows[half::2]] = gains[rows[half::2], gains[rows[1 - half :: 2]].mean(0).argmax()]
    return result


def report(found: list[Measured], judged: list[Measured], path: Path) -> None:
    """Put all arms together."""
    families = sorted({one.family for one in judged if one.as_is})
    by_family = {}
    for family in families:
        by_family[family] = choices(found, judged, family)
    table: dict[str, Any] = {
        "curriculum_sets": len(found),
        "sets_as_they_are": len({one.name for one in found if one.as_is}),
        "encoder": "efficientnet-lite0(resolution=96)",
        "draws": {"of pictures": 3, "of the other task": SEEDS},
        **{key: {} for key in ("mean", "differences", "tasks", "sets")},
    }
    for shots in JUDGED:
        cells = {family: rows[shots] for family, rows in by_family.items() if shots in rows}
        if not cells:
            continue
        plain = {family: rows.pop("plain").mean() for family, rows in cells.items()}
        arms = list(next(iter(cells.values())))
        table["tasks"][shots] = {family: rows[AUTO].shape[1] for family, rows in cells.items()}
        table["sets"][shots] = {
            family: {"plain": _points(plain[family])} | {arm: _points(np.mean(rows[arm])) for arm in rows}
            for family, rows in cells.items()
        }
        table["mean"][shots] = {arm: _points(np.mean([rows[arm].mean() for rows in cells.values()])) for arm in arms}
        others = {arm: _difference(cells, AUTO, arm) for arm in arms if arm != AUTO}
        table["differences"][shots] = {"nothing": _difference(cells, AUTO, None)} | others
        print(shots, table["mean"][shots], "\n   ", table["differences"][shots])
    path.write_text(json.dumps(table, indent=1) + "\n")


def _points(gain: float) -> float:
    return round(100 * float(gain), 2)


def _difference(cells: dict[str, dict[str, NDArray[np.float64]]], arm: str, other: str | None) -> dict[str, float]:
    """Mean difference in points, with half the width of its 95 % interval over tasks and seeds, and over families."""
    means, variances, by_seed = [], [], []
    for rows in cells.values():
        paired = rows[arm] - (0 if other is None else rows[other].mean(0))
        means.append(paired.mean())
        variances.append(paired.mean(0).var(ddof=1) / paired.shape[1])
        by_seed.append(paired.mean(1))
    seeds = np.mean(by_seed, 0)
    variance = np.sum(variances) / len(means) ** 2 + (seeds.var(ddof=1) / len(seeds) if len(seeds) > 1 else 0)
    over_families = 2.2 * np.std(means, ddof=1) / len(means) ** 0.5
    return {
        "mean": _points(np.mean(means)),
        "tasks": round(196 * float(variance**0.5), 2),
        "families": _points(over_families),
    }


def ship(found: list[Measured], path: Path) -> None:
    """Fit the predictor that ships, to the families whose licences allow it."""
    kept = [one for one in found if one.family not in NOT_SHIPPED]
    predictor = fit_predictor({shots: known_tasks(kept, shots)[0] for shots in SHOTS})
    facts = {"sources": ", ".join(sorted({one.family for one in kept})), "curriculum_sets": str(len(kept))}
    write_predictor(path, predictor, facts)
    print(facts, hashlib.sha256(path.read_bytes()).hexdigest())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["report", "ship"])
    parser.add_argument("tables", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = read_tasks(given.tables)
    if given.what == "report":
        report(found, read_tasks(given.judge) if given.judge else found, given.out)
    else:
        ship(found, given.out)


if __name__ == "__main__":
    main()
