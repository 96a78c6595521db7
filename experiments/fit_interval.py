"""How often the accuracy that `fit` states for its own classifier covers the accuracy on many new examples.

Examples of 2 to 20 classes are drawn from each data set again and again; a head is judged by resampling of the draw
alone, and the head of all drawn examples is tested on all others. How many examples an example of an independent test
set is worth is a constant of the interval. For each data set, the smallest that is tried is found with which the
interval covers 95 % or more of the other sets' draws at every number of examples; since `fit` also chooses between
candidates, and these draws do not, the next larger one is taken, and the data set is judged by it. The finite number of
other examples makes the accuracy on them uncertain too: `covered` counts an interval that is widened by this noise,
`covered_as_it_is` one that is not. With `--nested`, further draws choose head and penalty by nested resampling as `fit`
does, and are judged by what ships. Writes results/fit_interval.json.

    MANYSHOT_DATA=/path/to/data python experiments/fit_interval.py --draws 100
"""

import argparse
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from fit_head_draws import SHOTS, Data, Draw, draws, load_sets
from run_and_record import RESULTS, write

from manyshot.classify.accuracy_interval import VARIANCE_INFLATION, accuracy_interval
from manyshot.classify.candidates import HEAD_GRID, Candidate, settings
from manyshot.classify.choose_candidate import choose, effort_of
from manyshot.classify.encoded_examples import EncodedExamples
from manyshot.classify.example_set import Kind
from manyshot.classify.labeled_examples import LabeledExamples
from manyshot.classify.prior import load_prior
from manyshot.classify.resample import left_out_logits

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


def nested_draw(features: np.ndarray, labels: np.ndarray, kind: Kind, shots: int, seed: int) -> Row:
    """Draw examples of all classes, or of ten; choose, judge the choice, and test it on all others."""
    random = np.random.default_rng((seed, shots))
    classes = random.permutation(int(labels.max()) + 1)[:10]
    found = [random.permutation(np.flatnonzero(labels == label)) for label in classes]
    rows, sizes = np.concatenate(found), [len(row) for row in found]
    names, fit = np.repeat(np.arange(len(found)), sizes), np.concatenate([np.arange(size) < shots for size in sizes])
    encoder = "minilm" if kind == "sentences" else "efficientnet-lite0"
    encoded = EncodedExamples({(encoder, "none"): torch.from_numpy(features[rows]).float()[:, None]})
    own, drawn = encoded.select(torch.from_numpy(fit)), names[fit]
    candidates = [Candidate(encoder, one) for one in settings(kind, HEAD_GRID, plans={})]
    effort = replace(effort_of(own, candidates), inner=1)
    choice = choose(LabeledExamples(own, drawn), candidates, load_prior(kind), effort=effort)
    weights = torch.from_numpy(fit.astype(float))[None]
    ((_, logits),) = left_out_logits(encoded, torch.from_numpy(names), len(found), [choice.candidate], weights, None)
    assert choice.correct is not None
    new = logits[0].numpy()[~fit]
    unused = np.zeros((0, 0))
    return stated(
        choice.correct, choice.folds, Draw(drawn, choice.folds, unused, unused, new, names[~fit]), VARIANCE_INFLATION
    )


def nested(data: Mapping[str, Data], count: int) -> dict[str, dict[str, dict[str, float]]]:
    """Coverage where head and penalty are chosen in each draw, and the choice is judged by nested resampling."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name, (features, labels) in data.items():
        kind: Kind = "sentences" if name.startswith("CLINC150") else "pictures"
        for shots in (5, 20):
            if np.bincount(labels).min() >= 2 * shots:
                rows = [nested_draw(features, labels, kind, shots, seed) for seed in range(count)]
                result.setdefault(name, {})[str(shots)] = summarize(rows)
        print(name, {shots: round(row["covered"], 2) for shots, row in result.get(name, {}).items()}, flush=True)
    return result


def main() -> None:
    """Simulate, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100, help="draws of each set and number of examples")
    parser.add_argument("--nested", action="store_true", help="only the draws with a choice, added to the file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = load_sets(Path(os.environ["MANYSHOT_DATA"]))
    file = RESULTS / "fit_interval.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    if options.nested:
        chosen = nested(data, options.draws)
        write("fit_interval", before | {"nested": {"results": chosen, "summary": over_sets(chosen)}})
        return
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
