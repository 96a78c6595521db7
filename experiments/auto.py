"""Judge `auto` on data sets that it was not fitted to, whole families of them held out; then fit what ships.

    python experiments/auto.py measure FEATURES TABLES MIXES [--shipped]
    python experiments/auto.py report TABLES MIXES results/auto.json
    python experiments/auto.py ship TABLES MIXES WEIGHTS.safetensors

TABLES are what `experiments/auto_tasks.py` wrote of FEATURES. `measure` writes a file of MIXES a set: the accuracy of
its tasks under mixes that were fitted to the other families, for every setting; with --shipped, also under the
mixes that ship, which were fitted with EfficientNet-Lite0.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auto_features import POLICIES
from auto_pack import family
from auto_tasks import COUNTS, FITTED, MIXED, MOST_SEEN, SINGLE, read_bank, tasks_of, with_policy
from numpy.typing import NDArray
from torch import Tensor

from manyshot.meta_augment.auto.candidate_ops import OPS, VARIANTS, allot
from manyshot.meta_augment.auto.evidence import TaskEvidence
from manyshot.meta_augment.auto.op_weigher import SHOTS, OpWeigher, read_weigher, write_weigher
from manyshot.meta_augment.auto.train_op_weigher import Fit, KnownTasks, fit_op_weigher
from manyshot.meta_augment.auto.variant_gram import Tasks, VariantGram, accuracies

STEPS, TRUSTS = (10.0,), (0.0, 0.2)
"""Settings of `Fit` to choose from."""
LEAST = 5
"""Fewest families that a number of shots is reported for."""
SWAPS = 1
"""Draws of the other task whose support is shown instead."""
NOT_SHIPPED = {"CIFAR-FS": "research use", "skin lesions": "CC BY-NC 4.0", "blood cells": "GPL-3.0"}
"""Families whose licence does not clearly allow weights that were fitted to them to be passed on."""
Table = dict[str, Any]


def read_tables(folder: Path) -> dict[str, Table]:
    """All files of a folder by name."""
    found = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            found[path.stem] = {name: torch.from_numpy(stored[name]) for name in stored.files if name != "head"}
            found[path.stem] |= {"head": json.loads(str(stored["head"]))}
    return found


def fit(tables: dict[str, Table], how: Fit, without: tuple[str, ...] = ()) -> OpWeigher:
    """Fit to all families but some."""
    families = sorted({family(one["head"]["set"]) for one in tables.values()})
    known = {}
    for shots in SHOTS:
        rows = [
            (one, families.index(family(one["head"]["set"])))
            for one in tables.values()
            if f"slopes {shots}" in one and family(one["head"]["set"]) not in without
        ]
        slopes = [one[f"slopes {shots}"] for one, _ in rows]
        excess = [
            one.get(f"excess {shots}", torch.zeros_like(part)) for (one, _), part in zip(rows, slopes, strict=True)
        ]
        numbers = [torch.full((len(part),), number) for (_, number), part in zip(rows, slopes, strict=True)]
        known[shots] = KnownTasks(torch.cat(slopes), torch.cat(excess), torch.cat(numbers))
    return fit_op_weigher(known, dict.fromkeys(SHOTS, how))


def evidence_of(table: Table, shots: int) -> TaskEvidence:
    """What was seen of the tasks of a set."""
    plain = table[f"plain {shots}"]
    zeros = torch.zeros(len(plain), len(OPS))
    excess, error = (table.get(f"{name} {shots}", zeros) for name in ("excess", "error"))
    return TaskEvidence(torch.full((len(plain),), float(shots)), excess, error, plain, zeros, zeros)


def other_tasks(tables: dict[str, Table], own: str, shots: int, count: int, seed: int) -> TaskEvidence:
    """What was seen of tasks of random other families."""
    random = np.random.default_rng((seed, shots, count))
    by_family: dict[str, list[TaskEvidence]] = {}
    for one in tables.values():
        if family(one["head"]["set"]) != own and f"excess {shots}" in one:
            by_family.setdefault(family(one["head"]["set"]), []).append(evidence_of(one, shots))
    drawn = []
    for name in random.choice(sorted(by_family), count):
        seen = by_family[name][random.integers(len(by_family[name]))]
        drawn.append((seen, random.integers(len(seen.shots))))
    excess, error = (torch.stack([getattr(seen, name)[row] for seen, row in drawn]) for name in ("excess", "error"))
    zeros = torch.zeros(count, len(OPS))
    return TaskEvidence(torch.full((count,), float(shots)), excess, error, zeros[:, 0], zeros, zeros)


def measure(features: Path, tables: dict[str, Table], folder: Path, shipped: bool) -> None:
    """Accuracy of every task under the mixes of every setting, and under those that ship if asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in sorted(tables.items(), key=lambda one: one[1]["head"]["seed"]):
        out = folder / f"{name}.npz"
        if out.exists() or table["head"]["nuisances"]:
            continue
        start = time.monotonic()
        own = family(table["head"]["set"])
        fitted = {f"{step} {trust}": fit(tables, Fit(step, trust), (own,)) for step in STEPS for trust in TRUSTS}
        fitted |= {SHIPPED: read_weigher()} if shipped else {}
        head, labels, bank = read_bank(features / f"{name}.npz", "policies")
        parts: dict[str, Tensor] = {}
        with torch.inference_mode():
            for shots in COUNTS:
                if f"plain {shots}" in table:
                    right = partial(right_under, bank, tasks_of(head, labels, shots), {10: 5, 20: 1}.get(shots, 20))
                    found = arms(fitted, tables, table, shots, right)
                    parts |= {f"{arm} {shots}": part for arm, part in found.items()}
        with out.with_suffix(".part").open("wb") as file:
            np.savez(file, head=json.dumps(head), **{key: part.numpy() for key, part in parts.items()})
        out.with_suffix(".part").rename(out)
        print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)


def right_under(bank: VariantGram, tasks: Tasks, size: int, counts: Tensor) -> Tensor:
    """Accuracy of the tasks with some variants under each op."""
    columns = bank.columns(counts, first=1)
    pairs = zip(tasks.split(size), torch.split(columns, size), strict=True)
    return torch.cat([accuracies(bank, *pair) for pair in pairs])


def arms(
    fitted: dict[str, OpWeigher],
    tables: dict[str, Table],
    table: Table,
    shots: int,
    right: Callable[..., Tensor],
) -> dict[str, Tensor]:
    """Accuracies of the tasks of a set, by arm."""
    seen, own = evidence_of(table, shots), family(table["head"]["set"])
    looks = shots > 1
    result = {}
    for setting, weigher in fitted.items():
        trusts = weigher.trusts(shots)
        if trusts and not looks:
            continue
        result[setting] = right(allot(weigher(seen)))
        for swap in range(SWAPS if trusts and shots <= MOST_SEEN else 0):
            shown = other_tasks(tables, own, shots, len(seen.shots), swap)
            result[f"swap{swap} {setting}"] = right(allot(weigher(shown)))
    if shots in FITTED:
        result["every op"] = right(torch.ones(len(seen.shots), len(OPS), dtype=torch.long))
        usual = fitted[f"{STEPS[0]} {TRUSTS[0]}"](seen)
        result["half"] = right(with_policy(usual, POLICIES.index("randaugment"), VARIANTS // 2))
        slopes, half = table[f"slopes {shots}"], torch.arange(len(seen.shots)) % 2
        known = torch.stack([slopes[half == 1 - part].mean(0) for part in half.tolist()])
        result["known"] = right(allot(torch.softmax(-STEPS[0] * known, 1)))
    return result


SHIPPED = "weights that ship"
"""Arm and setting of the weights that ship; measured with encoders that they were not fitted with."""
Arms = dict[str, NDArray[np.float64]]
"""Gains `[draws, tasks]` over no augmentation by arm."""
AUTO = "auto"


def setting_of(
    mixes: dict[str, Table], tables: dict[str, Table], shots: int, without: str | None, trusts: tuple[float, ...]
) -> tuple[float, float]:
    """Step and trust that gain most on all families but one, under mixes that were fitted without each of these."""
    best, chosen = -1.0, (STEPS[0], 0.0)
    for step in STEPS:
        for trust in trusts:
            by_family: dict[str, list[Tensor]] = {}
            for name, one in mixes.items():
                of_set = family(one["head"]["set"])
                if of_set != without and f"{step} {trust} {shots}" in one:
                    gain = one[f"{step} {trust} {shots}"] - tables[name][f"plain {shots}"]
                    by_family.setdefault(of_set, []).append(gain)
            if by_family:
                mean = float(torch.stack([torch.cat(rows).mean() for rows in by_family.values()]).mean())
                best, chosen = max((best, chosen), (mean, (step, trust)))
    return chosen


def settings(
    mixes: dict[str, Table], tables: dict[str, Table], without: str | None, trusts: tuple[float, ...]
) -> dict[int, tuple[float, float]]:
    """`setting_of` by shots; beyond the largest of `SHOTS`, its setting."""
    found = {shots: setting_of(mixes, tables, shots, without, trusts if shots > 1 else trusts[:1]) for shots in SHOTS}
    return {shots: found[min(shots, SHOTS[-1])] for shots in COUNTS}


def arms_of(mixes: dict[str, Table], tables: dict[str, Table], own: str, shots: int) -> Arms:
    """Gains of each arm on the tasks of a family, everything chosen on the others."""
    names = [
        name for name, one in mixes.items() if family(one["head"]["set"]) == own and f"plain {shots}" in tables[name]
    ]
    if not names:
        return {}
    plain = torch.cat([tables[name][f"plain {shots}"] for name in names])

    def gains(arm: str) -> NDArray[np.float64]:
        right = torch.cat([mixes[name][f"{arm} {shots}"] for name in names])
        return (right - plain).double().numpy()[None]

    step, trust = settings(mixes, tables, own, TRUSTS)[shots]
    result: Arms = {AUTO: gains(f"{step} {trust}")}
    if f"{SHIPPED} {shots}" in mixes[names[0]]:
        result = {SHIPPED: gains(SHIPPED)} | result
    if shots <= MOST_SEEN:
        swaps = [gains(f"swap{swap} {step} {trust}") for swap in range(SWAPS)] if trust else [result[AUTO]]
        result["auto, shown another task's support"] = np.concatenate(swaps)
    for trust in TRUSTS[1:] if shots > 1 else ():
        result[f"trust {trust} in what is seen"] = gains(f"{STEPS[0]} {trust}")
        if shots <= MOST_SEEN:
            result[f"trust {trust} in another task's support"] = np.concatenate(
                [gains(f"swap{swap} {STEPS[0]} {trust}") for swap in range(SWAPS)]
            )
    if shots not in FITTED:
        return result | {"plain": plain.double().numpy()[None]}
    result |= {"every op once, 24 variants": gains("every op"), "weights of each set, known afterwards": gains("known")}
    result |= {"half by the weights, half by randaugment": gains("half")}
    policies = torch.cat([tables[name][f"policies {shots}"] for name in names]) - plain[:, None]
    result |= {name: policies[:, row].double().numpy()[None] for row, name in enumerate(POLICIES)}
    result |= fixed_arms(tables, names, own, shots)
    return result | {"plain": plain.double().numpy()[None]}


def fixed_arms(tables: dict[str, Table], names: list[str], own: str, shots: int) -> Arms:
    """Gains of plans that need no weights: chosen by the other families, or by cross-validation on the support."""
    by_family: dict[str, list[Tensor]] = {}
    for one in tables.values():
        if family(one["head"]["set"]) != own:
            gain = one[f"fixed {shots}"] - one[f"plain {shots}"][:, None]
            by_family.setdefault(family(one["head"]["set"]), []).append(gain)
    means = torch.stack([torch.cat(rows).mean(0) for rows in by_family.values()]).mean(0)
    fixed = torch.cat(
        [tables[name][f"fixed {shots}"] - tables[name][f"plain {shots}"][:, None] for name in names]
    ).double()
    result = {
        "best op of the others": fixed[:, int(means[SINGLE].argmax())],
        "best mix of two or four ops of the others": fixed[:, MIXED][:, int(means[MIXED].argmax())],
    }
    every = torch.cat([torch.zeros(len(fixed), 1).double(), fixed], 1)
    if shots > 1:
        taken = torch.cat([tables[name][f"validated {shots}"] for name in names]).argmax(1, keepdim=True)
        result["cross-validation"] = every.gather(1, taken)[:, 0]
    else:
        result["cross-validation"] = every[:, 0]
    return {arm: gain.numpy()[None] for arm, gain in result.items()}


def report(tables: dict[str, Table], mixes: dict[str, Table], path: Path) -> None:
    """Put all arms together."""
    heads = [one["head"] for one in mixes.values()]
    families = sorted({family(head["set"]) for head in heads})
    table: dict[str, Any] = {
        "sets": len(mixes),
        "rounds": 1 + max(head["seed"] for head in heads),
        "encoder": heads[0]["encoder"],
        "settings": {
            own: {shots: list(one) for shots, one in settings(mixes, tables, own, TRUSTS).items() if shots in SHOTS}
            for own in families
        },
        **{key: {} for key in ("mean", "no source", "differences", "tasks", "families")},
    }
    for shots in COUNTS:
        cells = {own: rows for own in families if (rows := arms_of(mixes, tables, own, shots))}
        if len(cells) < LEAST:
            continue
        plain = {own: rows.pop("plain").mean() for own, rows in cells.items()}
        names = list(next(iter(cells.values())))
        table["tasks"][shots] = {own: rows[AUTO].shape[1] for own, rows in cells.items()}
        table["families"][shots] = {
            own: {"plain": points(plain[own])} | {arm: points(rows[arm].mean()) for arm in names}
            for own, rows in cells.items()
        }
        table["first"] = first = SHIPPED if SHIPPED in names else AUTO  # the others are compared with it
        table["mean"][shots] = means(list(cells.values()), names)
        table["no source"][shots] = means([rows for own, rows in cells.items() if own in NOT_SHIPPED], names)
        others = {arm: difference(cells, first, arm) for arm in names if arm != first}
        table["differences"][shots] = {"nothing": difference(cells, first, None)} | others
        print(shots, json.dumps(table["mean"][shots], indent=1), table["differences"][shots])
    path.write_text(json.dumps(table, indent=1) + "\n")


def means(cells: list[Arms], names: list[str]) -> dict[str, float]:
    """Gain of each arm, mean over families."""
    return {arm: points(np.mean([rows[arm].mean() for rows in cells])) for arm in names} if cells else {}


def points(gain: float) -> float:
    """A gain in points."""
    return round(100 * float(gain), 2)


def difference(cells: dict[str, Arms], arm: str, other: str | None) -> dict[str, float]:
    """Mean difference in points, with half the width of its 95 % interval over tasks, and over families."""
    means, variances = [], []
    for rows in cells.values():
        paired = (rows[arm] - (0 if other is None else rows[other].mean(0))).mean(0)
        means.append(paired.mean())
        variances.append(paired.var(ddof=1) / len(paired))
    over_families = 2.2 * np.std(means, ddof=1) / len(means) ** 0.5
    return {
        "mean": points(np.mean(means)),
        "tasks": round(196 * float(np.sum(variances) ** 0.5 / len(means)), 2),
        "families": points(over_families),
    }


def ship(tables: dict[str, Table], mixes: dict[str, Table], path: Path) -> None:
    """Fit the weights that ship, to the families whose licences allow it."""
    kept = {name: one for name, one in tables.items() if family(one["head"]["set"]) not in NOT_SHIPPED}
    chosen = settings({name: mixes[name] for name in kept if name in mixes}, kept, None, TRUSTS)
    fits = {shots: fit(kept, Fit(*chosen[shots])) for shots in SHOTS}
    weigher = OpWeigher()
    for size, shots in enumerate(SHOTS):
        for name in ("prior", "usual", "trust"):
            getattr(weigher, name)[size] = getattr(fits[shots], name)[size]
    facts = {
        "sources": ", ".join(sorted({family(one["head"]["set"]) for one in kept.values()})),
        "sets": str(len(kept)),
    }
    write_weigher(path, weigher, facts)
    print(facts, chosen, hashlib.sha256(path.read_bytes()).hexdigest())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["measure", "report", "ship"])
    parser.add_argument("paths", type=Path, nargs=3)
    parser.add_argument("--shipped", action="store_true", help="measure the weights that ship, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    first, second, third = given.paths
    if given.what == "measure":
        measure(first, read_tables(second), third, given.shipped)
    elif given.what == "report":
        report(read_tables(first), read_tables(second), third)
    else:
        ship(read_tables(first), read_tables(second), third)


if __name__ == "__main__":
    main()
