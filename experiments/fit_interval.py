"""How often the accuracy that `fit` states for its own classifier covers the accuracy on many new examples.

Examples of 2 to 20 classes are drawn from each data set again and again; a head is judged by resampling of the draw
alone, and the head of all drawn examples is tested on all others. How many examples an example of an independent test
set is worth is a constant of the interval. For each data set, the smallest that is tried is found with which the
interval covers 95 % or more of the other sets' draws at every number of examples; since `fit` also chooses between
candidates, and these draws do not, the next larger one is taken, and the data set is judged by it. The finite number of
other examples makes the accuracy on them uncertain too: `covered` counts an interval that is widened by this noise,
`covered_as_it_is` one that is not. With `--nested`, further draws, of five classes, choose head and augmentation as
`fit` does with EfficientNet-Lite0, judge the choice by nested resampling, and take the constant that ships. Writes
results/fit_interval.json.

    MANYSHOT_DATA=/path/to/data python experiments/fit_interval.py --draws 100
    python experiments/few_example_features.py --root DATA --features FEATURES --classes 10 --pictures 300
    python experiments/fit_interval.py --draws 20 --nested FEATURES
"""

import argparse
import json
import os
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from few_example_features import EncodedSet, fit_settings
from few_example_features import load_sets as load_encoded
from fit_defaults import prior_tables
from fit_head_draws import SHOTS, Draw, draws, load_sets
from run_and_record import RESULTS, write

from manyshot.classify.choose.candidate_prior import Prior, prior_from_tables
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.choose_candidate import choose
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.evaluate.accuracy_interval import VARIANCE_INFLATION, accuracy_interval

CLASSES, NESTED_SHOTS = 5, (3, 5)
TRIED = (1.0, 1.15, 1.3, 1.6, 2.0)
WANTED = 0.95

Row = dict[str, float]
Cells = dict[tuple[str, int], dict[float, list[Row]]]


def stated(correct: np.ndarray, folds: int, one: Draw, inflation: float) -> Row:
    """What the interval says of a draw, and what is true."""
    estimate = accuracy_interval(correct, (folds - 1) / folds, inflation=inflation)
    found = {"low": estimate.low, "high": estimate.high, "estimate": estimate.value}
    return found | {"truth": one.accuracy, "tested": float(len(one.new))}


def summarize(rows: Iterable[Row]) -> dict[str, float]:
    """Coverage and width over draws."""
    columns = {key: np.array([row[key] for row in rows]) for key in ("truth", "low", "high", "tested", "estimate")}
    truth, low, high, tested = (columns[key] for key in ("truth", "low", "high", "tested"))
    smooth = (truth * tested + 1) / (tested + 2)
    noise = 1.96**2 * smooth * (1 - smooth) / tested
    middle = (low + high) / 2
    below = truth < middle - np.sqrt((middle - low) ** 2 + noise)
    above = truth > np.where(high >= 1, 1.0, middle + np.sqrt((high - middle) ** 2 + noise))
    return {
        "draws": len(truth),
        "accuracy": float(truth.mean()),
        "covered": float(1 - (below | above).mean()),
        "covered_as_it_is": float(((low <= truth) & (truth <= high)).mean()),
        "stated_too_high": float(below.mean()),
        "stated_too_low": float(above.mean()),
        "width": float((high - low).mean()),
        "bias": float((columns["estimate"] - truth).mean()),
    }


def chosen_constant(cells: Cells, but: str | None) -> float:
    """The constant after the smallest that covers enough of all sets but one, at every number of examples."""
    for inflation, larger in pairwise(TRIED):
        by_shots: dict[int, list[float]] = {}
        for (name, shots), rows in cells.items():
            if name != but:
                by_shots.setdefault(shots, []).append(summarize(rows[inflation])["covered"])
        if min(float(np.mean(values)) for values in by_shots.values()) >= WANTED:
            return larger
    return TRIED[-1]


def over_sets(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Means over sets by number of examples, and the lowest coverage of a set."""
    found = {}
    for shots in map(str, SHOTS):
        rows = [row[shots] for row in results.values() if shots in row]
        if rows:
            keys = ("covered", "covered_as_it_is", "width", "bias")
            means = {key: float(np.mean([row[key] for row in rows])) for key in keys}
            lowest = min(row["covered"] for row in rows)
            found[shots] = means | {"sets": len(rows), "draws": sum(row["draws"] for row in rows), "lowest": lowest}
    return found


def nested_draw(one: EncodedSet, prior: Prior, shots: int, seed: int) -> Row:
    """Draw examples of five classes; choose as `fit` does, judge the choice, and test it on all other examples."""
    random = np.random.default_rng((seed, shots))
    classes = random.permutation(one.classes)[:CLASSES]
    found = [random.permutation(np.flatnonzero(one.labels == label)) for label in classes]
    rows, sizes = np.concatenate(found), [len(row) for row in found]
    names, fit = np.repeat(np.arange(len(found)), sizes), np.concatenate([np.arange(size) < shots for size in sizes])
    drawn = EncodedSet(one.kind, names, one.encoded.select(torch.from_numpy(rows)))
    own = drawn.encoded.select(torch.from_numpy(fit))
    candidates = [Candidate(one.encoders[0], setting) for setting in one.settings]
    choice = choose(LabeledFeatures(own, names[fit]), candidates, prior)
    assert choice.correct is not None
    encoder, setting = choice.candidate.encoder, choice.candidate.setting
    ((_, _, new),) = fit_settings(drawn, encoder, [setting], np.flatnonzero(fit), np.flatnonzero(~fit))
    unused = np.zeros((0, 0))
    judged = Draw(names[fit], choice.folds, unused, unused, new.numpy(), names[~fit])
    return stated(choice.correct, choice.folds, judged, VARIANCE_INFLATION)


def nested(
    features: Path, count: int, names: list[str] | None, before: Mapping[str, Mapping[str, dict[str, float]]]
) -> dict[str, Mapping[str, dict[str, float]]]:
    """Coverage where head and augmentation are chosen in each draw, and the choice is judged by nested resampling."""
    parts = json.loads((RESULTS / "fit_defaults.json").read_text())["parts"]
    result = dict(before)
    for name, one in load_encoded(features, names).items():
        prior = prior_from_tables(prior_tables(parts, one.kind, but=name))
        enough = [shots for shots in NESTED_SHOTS if np.median(np.bincount(one.labels)) >= 2 * shots]
        result[name] = {
            str(shots): summarize([nested_draw(one, prior, shots, seed) for seed in range(count)]) for shots in enough
        }
        print(name, {shots: round(row["covered"], 2) for shots, row in result.get(name, {}).items()}, flush=True)
    return result


def main() -> None:
    """Simulate, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100, help="draws of each set and number of examples")
    parser.add_argument(
        "--nested", type=Path, help="the folder of features: only the draws with a choice, added to the file"
    )
    parser.add_argument("--sets", help="with --nested: names of data sets, with commas between; all if left out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    file = RESULTS / "fit_interval.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    if options.nested:
        known = before.get("nested", {}).get("results", {})
        chosen = nested(options.nested, options.draws, options.sets and options.sets.split(","), known)
        write("fit_interval", before | {"nested": {"results": chosen, "summary": over_sets(chosen)}})
        return
    data = load_sets(Path(os.environ["MANYSHOT_DATA"]))
    cells: Cells = {}
    for name, shots, one in draws(data, options.draws, least=2):
        for inflation in TRIED:
            rows = cells.setdefault((name, shots), {value: [] for value in TRIED})[inflation]
            rows.append(stated(one.correct, one.folds, one, inflation))
    results: dict[str, dict[str, dict[str, float]]] = {}
    constants = {name: chosen_constant(cells, but=name) for name in data}
    for (name, shots), rows_of in cells.items():
        results.setdefault(name, {})[str(shots)] = summarize(rows_of[constants[name]])
    found = {
        "draws": options.draws,
        "constants": constants,
        "constant_of_all": chosen_constant(cells, but=None),
        "results": results,
        "summary": over_sets(results),
    }
    write("fit_interval", before | found)
    print(constants, found["constant_of_all"])
    for shots, row in over_sets(results).items():
        print(f"{shots:>2s} per class: {', '.join(f'{key} {value:.3f}' for key, value in row.items())}")


if __name__ == "__main__":
    main()
