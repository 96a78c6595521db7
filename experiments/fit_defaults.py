"""What `fit` knows before it sees a user's examples: how encoders and settings did on public data sets.

For each data set, number of examples per class and random draw of the examples, every setting that `fit` may choose is
fitted and evaluated on other examples. Writes results/fit_defaults.json (by data set) and
src/manyshot/classify/choose/candidate_prior.json (means and standard deviations between data sets), which ships with
the package.

    python experiments/few_example_features.py --root DATA --features FEATURES --classes 10 --pictures 300
    python experiments/fit_defaults.py --features FEATURES --part settings
    python experiments/fit_defaults.py --features FEATURES --part encoders

Gains of settings, with augmentation among them, come from the first part, and those of encoders and temperatures from
the second, for which features of the examples as they are (`--plain`) do; of sentences, which have no variants, both
come from the first. Gains of settings of pictures are means over the first encoder and all encoders joined, those of
encoders means over settings without variants. What is not measured again, a part or a data set, stays as it is.
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from few_example_features import KINDS, EncodedSet, draw_of, draws_of, fit_settings, load_sets, spread_over
from few_example_sets import SHOTS
from run_and_record import RESULTS, write

from manyshot.classify.calibrate.temperature import fit_temperature, logit_spread
from manyshot.classify.choose.candidate_prior import Gain
from manyshot.classify.choose.candidates import settings
from manyshot.classify.examples.example_set import Kind

PRIOR = Path(__file__).resolve().parents[1] / "src/manyshot/classify/choose/candidate_prior.json"
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
    parser.add_argument("--log", type=Path, help="file that holds what was measured, for a run that goes on")
    parser.add_argument("--sets", help="names of data sets, with commas between; all if left out")
    parser.add_argument("--part", required=True, choices=("settings", "encoders"), help="what is measured")
    options = parser.parse_args()
    sets = load_sets(options.features, options.sets and options.sets.split(","))
    tasks = [
        (name, shots, number)
        for shots in reversed(SHOTS)
        for number in range(draws_of(options.draws, shots))
        for name in sets
        if draw_of(sets[name], shots, 0)
    ]
    found: dict[Task, dict[str, dict[str, float]]] = dict(
        spread_over(partial(judge, sets, options.part), tasks, options.jobs, options.log)
    )
    kinds = dict.fromkeys(one.kind for one in sets.values())
    known = {kind: collect(found, [name for name, one in sets.items() if one.kind == kind]) for kind in kinds}
    file = RESULTS / "fit_defaults.json"
    parts = json.loads(file.read_text())["parts"] if file.exists() else {}
    kept = parts.get(options.part, {}).get("kinds", {})
    known = {kind: _with_other_sets(tables, kept.get(kind, {})) for kind, tables in known.items()}
    counts = dict.fromkeys(sets, options.draws)
    parts[options.part] = {"draws": parts.get(options.part, {}).get("draws", {}) | counts, "kinds": kept | known}
    write("fit_defaults", {"parts": parts})
    if len(parts) == 2:
        shipped = json.loads(PRIOR.read_text())  # with what names gain, which `fit_names.py` measures
        tables = {kind: shipped[kind] | prior_tables(parts, kind) for kind in KINDS}
        PRIOR.write_text(json.dumps(shipped | tables, indent=1) + "\n")


def judge(sets: Mapping[str, EncodedSet], part: str, task: Task) -> dict[str, dict[str, float]]:
    """Accuracy by encoder and setting, and by head the logarithm of the best temperature over the logits' spread."""
    name, shots, number = task
    one, draw = sets[name], draw_of(sets[name], shots, number)
    assert draw is not None
    fit, test = draw
    truth, result, ratios = torch.from_numpy(one.labels[test]), {}, {}
    encoders, chosen = one.joined, one.settings
    if one.kind == "pictures" and part == "settings":
        encoders = list(dict.fromkeys((one.joined[0], one.joined[-1])))
    elif one.kind == "pictures":
        chosen = [setting for setting in chosen if not setting.variants]
    for encoder in encoders:
        row = result.setdefault(encoder, {})
        for setting, own, new in fit_settings(one, encoder, chosen, fit, test):
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


def _with_other_sets(tables: Mapping[str, Table], kept: Mapping[str, Table]) -> dict[str, Table]:
    return {name: {**kept.get(name, {}), **table} for name, table in tables.items()}


def prior_tables(
    parts: Mapping[str, Mapping], kind: Kind, but: str | None = None, tried: Sequence[str] | None = None
) -> dict[str, dict]:
    """Mean and standard deviation over data sets of the gains of encoders and settings, and of log temperatures.

    The gain of a setting is over the mean of the settings that were measured on all data sets, averaged over encoders;
    that of an encoder is over the first encoder, averaged over settings.

    Args:
        parts: "settings" and "encoders", each as `collect` gives it by kind.
        kind: Of examples.
        but: A data set that is left out.
        tried: Keys of the settings; those that `fit` tries if None.
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
    tried = [setting.key for setting in settings(kind)] if tried is None else tried
    tables = _others(by_setting, but)
    everywhere = set(tried).intersection(*(cell for rows in tables for row in rows.values() for cell in row.values()))
    chosen: dict[str, dict[str, list[float]]] = {}
    for rows in tables:
        for shots in rows[next(iter(rows))]:
            cells = [row[shots] for row in rows.values()]
            for key in (key for key in tried if key in cells[0]):
                gain = float(np.mean([cell[key] - np.mean([cell[one] for one in everywhere]) for cell in cells]))
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
