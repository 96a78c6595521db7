"""Does a support say which of a few mixes that differ much is best? Writes results/auto_tilts.json.

    python experiments/auto_tilts.py --of FEATURES TABLES [--of FEATURES TABLES]

FEATURES and TABLES of an encoder as for `experiments/auto.py`. Beside the mix that was fitted to the other families
there are mixes of which most is of one kind of op, and no augmentation. Each has an error of cross-validation on the
support; how much it counts beside what the mix gains on the other families is chosen on these.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auto import STEPS, Arms, Table, difference, fit, points, read_tables
from auto_pack import family
from auto_tasks import read_bank, seen_part, tasks_of, validated
from numpy.typing import NDArray
from run_and_record import write
from torch import Tensor

from manyshot.meta_augment.auto.candidate_ops import OPS, allot
from manyshot.meta_augment.auto.train_op_weigher import Fit
from manyshot.meta_augment.auto.variant_gram import Tasks, VariantGram, accuracies

KINDS = {
    "pose": (0, 1, 2, 3, 7, 16, 22),
    "crops": (4, 5, 6, 15, 17, 19),
    "color and light": (10, 11, 14, 20, 23),
    "strokes and blur": (8, 9, 12, 21),
}
"""Rows of `OPS`."""
TILT = 0.75
"""Share of one kind in a mix."""
TRUSTS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Gain in accuracy for a squared error that is lower by 1, to choose from."""
TASKS = {5: 12}
"""Most tasks of a data set by shots."""
ARMS = ("fitted mix", *KINDS, "none")
Numbers = NDArray[np.float64]


def mixes(prior: Tensor) -> Tensor:
    """Weights `[mixes, ops]`: the fitted ones, then those with one kind in front."""
    tilted = []
    for rows in KINDS.values():
        kind = torch.zeros(len(OPS))
        kind[list(rows)] = 1 / len(rows)
        tilted.append(TILT * kind + (1 - TILT) * prior)
    return torch.stack([prior, *tilted])


@torch.inference_mode()
def measure(bank: VariantGram, tasks: Tasks, shots: int, prior: Tensor) -> tuple[Tensor, Tensor]:
    """Accuracy on the queries, and error of cross-validation on the support, `[tasks, mixes]` each."""
    accuracy, error = [], []
    for weights in (*mixes(prior), None):
        for side in (0, 1):  # the variants that are validated on are others than those that are judged
            counts = torch.zeros(1, len(OPS), dtype=torch.long) if weights is None else allot(weights[None])
            columns = bank.columns(counts, first=side)
            parts = [
                accuracies(bank, one, columns) if side else validated(bank, *seen_part(one, shots), columns)[1]
                for one in tasks.split(1)
            ]
            (accuracy if side else error).append(torch.cat(parts))
    return torch.stack(accuracy, 1), torch.stack(error, 1)


class Known:
    """Gains over no augmentation and errors beyond those of the fitted mix, by family, `[tasks, mixes]` each."""

    def __init__(self) -> None:
        self.gains: dict[str, Numbers] = {}
        self.errors: dict[str, Numbers] = {}

    def add(self, own: str, accuracy: Tensor, error: Tensor) -> None:
        """Add tasks of a family."""
        for of_kind, rows in ((self.gains, accuracy - accuracy[:, -1:]), (self.errors, error - error[:, :1])):
            mine = [of_kind[own]] if own in of_kind else []
            of_kind[own] = np.concatenate([*mine, rows.double().numpy()])

    def chosen(self, errors: Numbers, trust: float, without: set[str]) -> NDArray[np.int64]:
        """The mix that promises most for tasks with these errors, by what is known of all families but some."""
        gain, usual = (
            np.mean([rows.mean(0) for own, rows in of_kind.items() if own not in without], 0)
            for of_kind in (self.gains, self.errors)
        )
        return np.argmax(gain - trust * (errors - usual), 1)

    def gained(self, own: str, errors: Numbers, trust: float, *without: str) -> Numbers:
        """Gains on the tasks of a family with the mixes that are chosen by these errors."""
        taken = self.chosen(errors, trust, {own, *without})
        return np.take_along_axis(self.gains[own], taken[:, None], 1)[:, 0]

    def trust(self, own: str) -> float:
        """The trust that gains most on the other families, each judged by the rest."""
        others = [name for name in self.gains if name != own]
        means = [
            np.mean([self.gained(name, self.errors[name], trust, own).mean() for name in others]) for trust in TRUSTS
        ]
        return TRUSTS[int(np.argmax(means))]

    def arms(self, own: str) -> Arms:
        """Gains by arm."""
        rows, trust = self.gains[own], self.trust(own)
        others = np.concatenate([errors for name, errors in self.errors.items() if name != own])
        shown = others[np.random.default_rng(0).integers(len(others), size=len(rows))]
        half = np.arange(len(rows)) % 2
        best = np.array([rows[half != part].mean(0).argmax() for part in half])
        found = {
            "chosen": self.gained(own, self.errors[own], trust),
            "chosen by another task's support": self.gained(own, shown, trust),
            "cross-validation alone": np.take_along_axis(rows, self.errors[own].argmin(1)[:, None], 1)[:, 0],
            "best of each family, known afterwards": rows[np.arange(len(rows)), best],
        }
        return {name: gains[None] for name, gains in {**dict(zip(ARMS, rows.T, strict=True)), **found}.items()}


def known_of(features: Path, tables: dict[str, Table]) -> dict[int, Known]:
    """Measure all sets, by shots."""
    known = {shots: Known() for shots in TASKS}
    for name, table in tables.items():
        own = family(table["head"]["set"])
        weigher = fit(tables, Fit(STEPS[0], 0.0), (own,))
        head, labels, bank = read_bank(features / f"{name}.npz")
        for shots in TASKS:
            if f"plain {shots}" in table:
                tasks = next(iter(tasks_of(head, labels, shots).split(TASKS[shots])))
                prior = weigher.usual_weights(torch.tensor([float(shots)]))[0]
                known[shots].add(own, *measure(bank, tasks, shots, prior))
        print(name, flush=True)
    return known


def summary(known: Known) -> dict[str, Any]:
    """Mean gains, and differences from the fitted mix."""
    cells = {own: known.arms(own) for own in known.gains}
    names = list(next(iter(cells.values())))
    return {
        "tasks": {own: len(rows) for own, rows in known.gains.items()},
        "trust": {own: known.trust(own) for own in known.gains},
        "mean": {arm: points(np.mean([rows[arm].mean() for rows in cells.values()])) for arm in names},
        "less the fitted mix": {arm: difference(cells, arm, ARMS[0]) for arm in names if arm != ARMS[0]},
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", type=Path, nargs=2, action="append", required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    encoders: dict[str, dict[int, Any]] = {}
    for features, of_features in given.of:
        tables = read_tables(of_features)
        known = known_of(features, tables)
        name = next(iter(tables.values()))["head"]["encoder"]
        encoders[name] = {shots: summary(one) for shots, one in known.items() if one.gains}
        write("auto_tilts", {"tilt": TILT, "encoders": encoders})


if __name__ == "__main__":
    main()
