"""What `fit` knows before it sees a user's examples: how encoders and settings did on public data sets.

For each data set, number of examples per class and random draw of the examples, every setting that `fit` may choose is
fitted and evaluated on other examples. Writes results/fit_defaults.json (by data set) and
src/manyshot/classify/prior.json (means and standard deviations between data sets), which ships with the package.

    python experiments/few_example_features.py --root DATA --features FEATURES
    python experiments/fit_defaults.py --features FEATURES --part settings
    python experiments/few_example_features.py --root DATA --features PLAIN --plain
    python experiments/fit_defaults.py --features PLAIN --part encoders

Gains of settings, with augmentation among them, come from the first part, and those of encoders and temperatures from
the second, for which features of the examples as they are do; of sentences, which have no variants, both come from the
first. A part that is not measured again stays as it is.
"""

import argparse
import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from few_example_features import KINDS, EncodedSet, draw_of, fit_settings, load_sets, spread_over
from few_example_sets import SHOTS
from run_and_record import RESULTS, write

from manyshot.classify.calibrate import fit_temperature, logit_spread
from manyshot.classify.candidates import settings
from manyshot.classify.example_set import Kind
from manyshot.classify.prior import Gain

PRIOR = Path(__file__).resolve().parents[1] / "src/manyshot/classify/prior.json"
SMALLEST_SD, SMALLEST_LOG_SD = 0.005, 0.2
ANY = Gain(0.0, 1e3)
Table = dict[str, dict[str, dict[str, dict[str, float]]]]
Task = tuple[str, int, int]


def main() -> None:
    """Fit, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", required=True, type=Path, help="the folder of features")
    parser.add_argument(
        "--draws", type=int, default=10, help="draws of the examples; half as many from 10 per class on"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--part", required=True, choices=("settings", "encoders"), help="what is measured")
    options = parser.parse_args()
    sets = load_sets(options.features)
    tasks = [
        (name, shots, number)
        for shots in reversed(SHOTS)
        for number in range(options.draws if shots < 10 else max(options.draws // 2, 1))
        for name in sets
        if draw_of(sets[name], shots, 0)
    ]
    found: dict[Task, dict[str, dict[str, float]]] = dict(spread_over(partial(judge, sets), tasks, options.jobs))
    kinds = dict.fromkeys(one.kind for one in sets.values())
    known = {kind: collect(found, [name for name, one in sets.items() if one.kind == kind]) for kind in kinds}
    file = RESULTS / "fit_defaults.json"
    parts = json.loads(file.read_text())["parts"] if file.exists() else {}
    parts[options.part] = {"draws": options.draws, "kinds": known}
    write("fit_defaults", {"parts": parts})
    if len(parts) == 2:
        PRIOR.write_text(json.dumps({kind: prior_tables(parts, kind) for kind in KINDS}, indent=1) + "\n")


def judge(sets: Mapping[str, EncodedSet], task: Task) -> dict[str, dict[str, float]]:
    """Accuracy by encoder and setting, and by head the logarithm of the best temperature over the logits' spread."""
    name, shots, number = task
    one, draw = sets[name], draw_of(sets[name], shots, number)
    assert draw is not None
    fit, test = draw
    truth, result, ratios = torch.from_numpy(one.labels[test]), {}, {}
    for encoder in one.joined:
        row = result.setdefault(encoder, {})
        for setting, own, new in fit_settings(one, encoder, one.settings, fit, test):
            row[setting.key] = float((new.argmax(1) == truth).double().mean())
            spread = logit_spread(own)
            if encoder in (one.joined[0], one.joined[-1]):
                best = math.log(fit_temperature(new, truth, spread, ANY) / spread)
                ratios.setdefault(setting.head, []).append(best)
    return {**result, "temperatures": {head: float(np.median(values)) for head, values in ratios.items()}}


def collect(found: Mapping[Task, Mapping[str, Mapping[str, float]]], names: list[str]) -> dict[str, Table]:
    """Means over draws: accuracy by set, encoder, shots and setting; log ratios by set, "heads", shots and head."""
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for (name, shots, _), rows in sorted(found.items()):
        if name in names:
            for row, cells in rows.items():
                for key, value in cells.items():
                    values.setdefault((name, row, str(shots), key), []).append(value)
    accuracy: Table = {name: {} for name in names}
    temperatures: Table = {name: {} for name in names}
    for (name, row, shots, key), cell in values.items():
        table = temperatures if row == "temperatures" else accuracy
        table[name].setdefault(row, {}).setdefault(shots, {})[key] = round(float(np.mean(cell)), 5)
    return {"accuracy": accuracy, "temperatures": temperatures}


def prior_tables(parts: Mapping[str, Mapping], kind: Kind, but: str | None = None) -> dict[str, dict]:
    """Mean and standard deviation over data sets of the gains of encoders and settings, and of log temperatures.

    The gain of a setting is over the mean of all settings, averaged over encoders; that of an encoder is over the
    first encoder, averaged over settings.

    Args:
        parts: "settings" and "encoders", each as `collect` gives it by kind.
        kind: Of examples.
        but: A data set that is left out.
    """
    by_setting = parts["settings"]["kinds"][kind]
    by_encoder = parts["encoders"]["kinds"].get(kind, by_setting)
    ratios: dict[str, dict[str, list[float]]] = {}
    for name, rows in by_encoder["temperatures"].items():
        for shots, row in rows.get("temperatures", {}).items():
            for head, value in row.items():
                if name != but:
                    ratios.setdefault(head, {}).setdefault(shots, []).append(value)
    encoders: dict[str, dict[str, list[float]]] = {}
    for rows in _others(by_encoder, but):
        first = next(iter(rows))
        for shots in rows[first]:
            reference = float(np.mean(list(rows[first][shots].values())))
            for name in rows:
                gain = float(np.mean(list(rows[name][shots].values()))) - reference
                encoders.setdefault(name, {}).setdefault(shots, []).append(gain)
    tried = {setting.key for setting in settings(kind)}
    chosen: dict[str, dict[str, list[float]]] = {}
    for rows in _others(by_setting, but):
        for shots in rows[next(iter(rows))]:
            cells = [{key: value for key, value in row[shots].items() if key in tried} for row in rows.values()]
            for key in cells[0]:
                gain = float(np.mean([cell[key] - np.mean(list(cell.values())) for cell in cells]))
                chosen.setdefault(key, {}).setdefault(shots, []).append(gain)
    return {
        "encoders": _moments(encoders, SMALLEST_SD),
        "settings": _moments(chosen, SMALLEST_SD),
        "temperatures": _moments(ratios, SMALLEST_LOG_SD),
    }


def _others(tables: Mapping[str, Table], but: str | None) -> list[dict[str, dict[str, dict[str, float]]]]:
    return [rows for name, rows in tables["accuracy"].items() if name != but and rows]


def _moments(gains: Mapping[str, Mapping[str, list[float]]], least: float) -> dict[str, dict[str, list[float]]]:
    def moments(values: list[float]) -> list[float]:
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return [round(float(np.mean(values)), 5), round(math.hypot(sd, least), 5)]

    return {name: {shots: moments(values) for shots, values in row.items()} for name, row in gains.items()}


if __name__ == "__main__":
    main()
