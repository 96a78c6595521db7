"""Judge `auto` on data sets that it was not trained on, whole families of them held out; then train what ships.

    python experiments/auto.py choose FOLDER OUT.npz [--part 0/8]      what each method chooses; parts run side by side
    python experiments/auto.py report FOLDER results/auto.json OUT*.npz
    python experiments/auto.py ship FOLDER WEIGHTS.safetensors OUT*.npz

FOLDER holds the `.curriculum` files that `experiments/auto_bank.py` wrote.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auto_bank import read_curriculum
from numpy.typing import NDArray

from manyshot.meta_augment.auto.bank import Looks
from manyshot.meta_augment.auto.evidence import PROBE_NAMES, SCORE_NAMES
from manyshot.meta_augment.auto.menu import CANDIDATES, OPS, USES
from manyshot.meta_augment.auto.predictor import Ensemble, write_predictor
from manyshot.meta_augment.auto.train_predictor import KnownTasks, PredictorTraining, blindfold, train_predictor
from manyshot.meta_augment.auto.traits import TASK_NAMES

SHOTS = (1, 2, 5, 10)
SEEDS = 2
NOT_SHIPPED = {
    "CIFAR-FS": "research use",
    "skin lesions": "CC BY-NC 4.0",
    "blood cells": "GPL-3.0",
}
"""Families whose licence does not clearly allow weights that were trained on them to be passed on."""
PULLS: tuple[float, ...] = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
SWAPPED = "auto, another task's support"
QUICK = PredictorTraining(steps=300, batch=128)
TRAININGS = {
    "auto": (SEEDS, QUICK),
    "auto, choice alone": (1, replace(QUICK, objective="choice")),
    "auto, regression alone": (1, replace(QUICK, objective="regression")),
    "one policy for all": (1, replace(QUICK, blind=True)),
}
"""Learned arms, with the number of seeds."""


@dataclass(frozen=True, eq=False)
class Tasks:
    """All tasks of all curriculum sets.

    Args:
        known: What is seen of them and what candidates gain; on the CPU.
        plain: Accuracy without augmentation.
        family: Family of each.
        name: Data set of each.
        shots: Shots of each.
        as_is: Whether nothing was put into the data set.
    """

    known: KnownTasks
    plain: NDArray[np.float32]
    family: NDArray[np.str_]
    name: NDArray[np.str_]
    shots: NDArray[np.int64]
    as_is: NDArray[np.bool_]


def load(folder: Path) -> Tasks:
    """Read all curriculum sets; each family weighs the same in training, and so do shots."""
    parts: dict[str, list[Any]] = defaultdict(list)
    for path in sorted(folder.glob("*.curriculum")):
        for head, by_shots in read_curriculum(path):
            for shots, table in by_shots.items():
                parts["table"].append(table)
                parts["family"] += [head["family"]] * len(table)
                parts["name"] += [head["set"]] * len(table)
                parts["shots"] += [shots] * len(table)
                parts["as_is"] += [not head["nuisances"]] * len(table)
    table = np.concatenate(parts["table"])
    ends = np.cumsum([len(TASK_NAMES), len(OPS) * len(PROBE_NAMES), len(OPS) * len(SCORE_NAMES)])
    task, moves, gains, right = np.split(table, ends, axis=1)
    family = np.array(parts["family"])
    _, index, count = np.unique(family, return_inverse=True, return_counts=True)
    seen = Looks(
        torch.from_numpy(task.copy()),
        torch.from_numpy(moves.reshape(-1, len(OPS), len(PROBE_NAMES)).copy()),
        torch.from_numpy(gains.reshape(-1, len(OPS), len(SCORE_NAMES)).copy()),
    )
    known = KnownTasks(seen, torch.from_numpy(right - right[:, :1]), torch.from_numpy(1 / count[index]).float())
    return Tasks(
        known, right[:, 0], family, np.array(parts["name"]), np.array(parts["shots"]), np.array(parts["as_is"])
    )


def fixed_choices(tasks: Tasks, test: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """What each method that learns nothing chooses for the tasks of a family, by the other families."""
    gains = tasks.known.gains.numpy()
    rows = np.flatnonzero(test & tasks.as_is)
    chosen: dict[str, NDArray[np.int64]] = {}
    plans = np.array([candidate.ops for candidate in CANDIDATES])
    for name, allowed in {
        "best plan of the others": np.ones(len(plans), bool),
        "TrivialAugment": plans == "trivialaugment",
        "RandAugment": plans == "randaugment",
    }.items():
        best = {}
        for shots in SHOTS:
            known = ~test & tasks.as_is & (tasks.shots == shots)
            means = [gains[known & (tasks.family == family)].mean(0) for family in np.unique(tasks.family[known])]
            best[shots] = int(np.where(allowed, np.mean(means, 0), -np.inf).argmax())
        chosen[name] = np.array([best[shots] for shots in tasks.shots[rows]])
    scores = tasks.known.seen.gains[torch.from_numpy(rows)].reshape(len(rows), len(OPS), len(USES), 3).numpy()
    for name, by in {
        "cross-validation": scores[..., 0] + 0.01 * scores[..., 1],
        "cross-validated error": scores[..., 1],
    }.items():
        table = np.concatenate([np.zeros((len(rows), 1)), by.reshape(len(rows), -1)], 1)
        chosen[name] = np.where(tasks.shots[rows] > 1, table.argmax(1), 0)
    return chosen


def predict(predictor: torch.nn.Module, seen: Looks) -> NDArray[np.float16]:
    """The predicted gain of each candidate."""
    device = next(predictor.parameters()).device
    found = []
    with torch.inference_mode():
        for start in range(0, len(seen.task), 4096):
            part = (piece[start : start + 4096].to(device) for piece in (seen.task, seen.moves, seen.gains))
            found.append(predictor(Looks(*part)).cpu().numpy().astype(np.float16))
    return np.concatenate(found)


def swapped(tasks: Tasks, test: NDArray[np.bool_], rows: NDArray[np.int64], seed: int) -> Looks:
    """The looks of other tasks, of other families and as many shots."""
    random = np.random.default_rng((seed, 5))
    other = np.zeros_like(rows)
    for shots in SHOTS:
        pool = np.flatnonzero(~test & tasks.as_is & (tasks.shots == shots))
        here = tasks.shots[rows] == shots
        families = np.unique(tasks.family[pool])
        picked = random.choice(families, here.sum())
        other[here] = [random.choice(pool[tasks.family[pool] == family]) for family in picked] if here.any() else []
    return tasks.known.select(torch.from_numpy(other)).seen


def choose(folder: Path, out: Path, part: str) -> None:
    """Write what each predictor says of each task of the family, as it is, that it was not trained on."""
    tasks = load(folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    index, parts = map(int, part.split("/"))
    families = np.unique(tasks.family)
    wanted = [
        (family, name, seed) for name, (seeds, _) in TRAININGS.items() for seed in range(seeds) for family in families
    ]
    results: dict[str, NDArray[Any]] = {}
    everything = tasks.known.to(device)
    for family, name, seed in wanted[index::parts]:
        test = tasks.family == family
        rows = np.flatnonzero(test & tasks.as_is)
        if not len(rows):
            continue
        how = replace(TRAININGS[name][1], seed=seed)
        predictor = train_predictor(everything.select(torch.from_numpy(np.flatnonzero(~test)).to(device)), how)
        seen = tasks.known.select(torch.from_numpy(rows)).seen
        results[f"{family}|{name}|{seed}"] = predict(predictor, blindfold(seen) if how.blind else seen)
        if name == "auto":
            other = predict(predictor, swapped(tasks, test, rows, seed))
            results[f"{family}|{SWAPPED}|{seed}"] = other
        print(family, name, seed, flush=True)
        np.savez_compressed(out, **results)


def report(folder: Path, path: Path, outs: list[Path]) -> None:
    """Put all arms together."""
    tasks = load(folder)
    by_arm = gains_by_arm(tasks, outs)
    heads = [head for file in sorted(folder.glob("*.curriculum")) for head, _ in read_curriculum(file)]
    table: dict[str, Any] = {
        "curriculum_sets": len(heads),
        "sets_as_they_are": sum(not head["nuisances"] for head in heads),
        "encoder": heads[0]["encoder"],
        "seeds": SEEDS,
        **{key: {} for key in ("mean", "differences", "tasks", "sets")},
    }
    for shots in SHOTS:
        cells = _cells(tasks, by_arm, shots)
        arms = list(next(iter(cells.values())))
        plain = {
            family: tasks.plain[(tasks.family == family) & tasks.as_is & (tasks.shots == shots)].mean()
            for family in cells
        }
        table["tasks"][shots] = {family: len(next(iter(rows.values()))[0]) for family, rows in cells.items()}
        table["sets"][shots] = {
            family: {"plain": _points(plain[family])} | {arm: _points(np.mean(rows[arm])) for arm in rows}
            for family, rows in cells.items()
        }
        table["mean"][shots] = {arm: _points(np.mean([rows[arm].mean() for rows in cells.values()])) for arm in arms}
        others = {arm: _difference(cells, "auto", arm) for arm in arms if arm != "auto"}
        table["differences"][shots] = {"nothing": _difference(cells, "auto", None)} | others
        print(shots, table["mean"][shots], "\n   ", table["differences"][shots])
    path.write_text(json.dumps(table, indent=1) + "\n")


def _points(gain: float) -> float:
    return round(100 * float(gain), 2)


def gains_by_arm(tasks: Tasks, outs: list[Path]) -> dict[str, dict[str, list[NDArray[np.float64]]]]:
    """Gains of the tasks as they are by arm and family, one array a seed.

    Args:
        tasks: All tasks.
        outs: What `choose` wrote.
    """
    gains = tasks.known.gains.numpy().astype(np.float64)
    by_arm: dict[str, dict[str, list[NDArray[np.float64]]]] = defaultdict(lambda: defaultdict(list))
    rows_of = {
        str(family): np.flatnonzero((tasks.family == family) & tasks.as_is) for family in np.unique(tasks.family)
    }
    for family, rows in rows_of.items():
        for arm, candidates in fixed_choices(tasks, tasks.family == family).items():
            by_arm[arm][family].append(gains[rows, candidates])
        oracle = np.zeros(len(rows))
        for name in np.unique(tasks.name[rows]):
            for shots in SHOTS:
                here = (tasks.name[rows] == name) & (tasks.shots[rows] == shots)
                if here.any():
                    oracle[here] = gains[rows[here], gains[rows[here]].mean(0).argmax()]
        by_arm["best plan of each set (oracle)"][family].append(oracle)
    said = read_predictions(outs)
    usual = {family: means_of_others(tasks, family)[tasks.shots[rows]] for family, rows in rows_of.items()}
    for arm, by_family in said.items():
        for family, predictions in by_family.items():
            rows = rows_of[family]
            by_arm[arm][family] = [gains[rows, one.argmax(1)] for one in predictions]
    for arm in ("auto", SWAPPED):
        by_arm[f"{arm}, prediction alone"] = by_arm[arm]
        by_arm[arm] = defaultdict(list)
        for family, predictions in said[arm].items():
            rows = rows_of[family]
            shares = best_shares(said["auto"], usual, gains, tasks.shots, rows_of, family)
            share = np.array([shares[count] for count in tasks.shots[rows]])[:, None]
            picked = [((1 - share) * one + share * usual[family]).argmax(1) for one in predictions]
            by_arm[arm][family] = [gains[rows, one] for one in picked]
    return by_arm


def read_predictions(outs: list[Path]) -> dict[str, dict[str, list[NDArray[np.float64]]]]:
    """Predicted gains `[tasks, candidates]` by arm and family, one array a seed."""
    said: dict[str, dict[str, list[NDArray[np.float64]]]] = defaultdict(lambda: defaultdict(list))
    for out in outs:
        with np.load(out, allow_pickle=False) as stored:
            for key in sorted(stored.files, key=lambda key: key.rsplit("|")[-1]):
                family, arm, _ = key.split("|")
                said[arm][family].append(stored[key].astype(np.float64))
    return said


def means_of_others(tasks: Tasks, family: str) -> NDArray[np.float64]:
    """Mean gain of each candidate over the other families as they are, by shots `[most shots + 1, candidates]`."""
    gains = tasks.known.gains.numpy()
    table = np.zeros((max(SHOTS) + 1, gains.shape[1]))
    for shots in SHOTS:
        known = (tasks.family != family) & tasks.as_is & (tasks.shots == shots)
        table[shots] = np.mean(
            [gains[known & (tasks.family == one)].mean(0) for one in np.unique(tasks.family[known])], 0
        )
    return table


def best_shares(
    said: dict[str, list[NDArray[np.float64]]],
    usual: dict[str, NDArray[np.float64]],
    gains: NDArray[np.float64],
    shots: NDArray[np.int64],
    rows_of: dict[str, NDArray[np.int64]],
    family: str | None,
) -> dict[int, float]:
    """By shots, how much of the mean gains to mix into predictions: what did best on the other families."""
    shares = {}
    for count in SHOTS:
        means = dict.fromkeys(PULLS, 0.0)
        for one in said:
            here = shots[rows_of[one]] == count
            if one == family or not here.any():
                continue
            for share in PULLS:
                for predictions in said[one]:
                    mixed = (1 - share) * predictions[here] + share * usual[one][here]
                    means[share] += float(gains[rows_of[one][here], mixed.argmax(1)].mean())
        shares[count] = max(PULLS, key=means.__getitem__)
    return shares


def _cells(
    tasks: Tasks, by_arm: dict[str, dict[str, list[NDArray[np.float64]]]], shots: int
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Gains `[seeds, tasks]` by family and arm."""
    cells: dict[str, dict[str, NDArray[np.float64]]] = {}
    for family in np.unique(tasks.family):
        rows = np.flatnonzero((tasks.family == family) & tasks.as_is)
        here = tasks.shots[rows] == shots
        if here.any() and all(family in found for found in by_arm.values()):
            cells[str(family)] = {arm: np.stack(found[family])[:, here] for arm, found in by_arm.items()}
    return cells


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
        "mean": round(100 * float(np.mean(means)), 2),
        "tasks": round(196 * float(variance**0.5), 2),
        "families": round(100 * float(over_families), 2),
    }


def ship(folder: Path, path: Path, outs: list[Path], members: int) -> None:
    """Train the predictors that ship, on the families whose licences allow it."""
    tasks = load(folder)
    gains = tasks.known.gains.numpy().astype(np.float64)
    kept = ~np.isin(tasks.family, list(NOT_SHIPPED))
    families = np.unique(tasks.family[kept])
    said = {family: rows for family, rows in read_predictions(outs)["auto"].items() if family in families}
    rows_of = {family: np.flatnonzero((tasks.family == family) & tasks.as_is) for family in said}
    usual = {family: means_of_others(tasks, family)[tasks.shots[rows]] for family, rows in rows_of.items()}
    shares = best_shares(said, usual, gains, tasks.shots, rows_of, None)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    known = tasks.known.select(torch.from_numpy(np.flatnonzero(kept))).to(device)
    allowed = replace(tasks, family=np.where(kept, tasks.family, ""), as_is=tasks.as_is & kept)
    means = torch.from_numpy(means_of_others(allowed, "")[list(SHOTS)]).float()
    trained = [train_predictor(known, replace(QUICK, seed=seed)).cpu() for seed in range(members)]
    for one in trained:
        one.pull(SHOTS, means, list(shares.values()))
    facts = {"sources": ", ".join(families), "tasks": str(int(kept.sum())), "shares": json.dumps(shares)}
    write_predictor(path, Ensemble(trained), facts)
    print(facts, hashlib.sha256(path.read_bytes()).hexdigest())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["choose", "report", "ship"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", type=Path, nargs="*")
    parser.add_argument("--part", default="0/1")
    given = parser.parse_args()
    if given.what == "choose":
        choose(given.folder, given.out, given.part)
    elif given.what == "report":
        report(given.folder, given.out, given.parts)
    else:
        ship(given.folder, given.out, given.parts, members=3)


if __name__ == "__main__":
    main()
