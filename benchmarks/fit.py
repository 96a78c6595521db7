"""`fit` beside what a user of scikit-learn would do with the same frozen features.

Accuracy on examples that were not fitted to, over random draws of 1 to 20 examples per class. What `fit` knows of other
data sets is measured without the data set at hand. Writes results/fit.json.

    python experiments/few_example_features.py --root DATA --features FEATURES --classes 10 --pictures 300
    python benchmarks/fit.py --features FEATURES --log LOG --name fit_default

Sets may be measured one after the other, each with `--sets NAME --add`. Flips and crops are for pictures alone, so that
`summary_of_pictures` has one method more. With features of the examples as they are (`--plain`), `fit` does without
augmentation (results/fit_plain.json).
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from few_shot_baselines import baselines
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from few_example_features import EncodedSet, draw_of, draws_of, fit_settings, load_sets, spread_over
from few_example_sets import PICTURES, SHOTS
from fit_defaults import prior_tables
from run_and_record import RESULTS, write

from manyshot.classify.calibrate.temperature import calibrate
from manyshot.classify.choose.candidate_prior import Prior, prior_from_tables
from manyshot.classify.choose.candidates import Candidate
from manyshot.classify.choose.choose_candidate import choose, effort_of
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.evaluate.metrics import measure, reliability

REFERENCE = "logistic regression"
CHANCES = 20
"""Simulations of how far from 0 the calibration error of a perfectly calibrated classifier lies."""

Sets = Mapping[str, EncodedSet]
Task = tuple[str, int, int]


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", required=True, type=Path, help="the folder of features")
    parser.add_argument(
        "--draws", type=int, default=20, help="draws of the examples; half as many from 10 per class on"
    )
    parser.add_argument("--sets", help="names of data sets, with commas between; all if left out")
    parser.add_argument("--name", default="fit", help="of the file in results/")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--log", type=Path, help="file that holds what was measured, for a run that goes on")
    parser.add_argument("--add", action="store_true", help="keep the other sets that the file holds")
    options = parser.parse_args()
    sets = load_sets(options.features, options.sets and options.sets.split(","))
    parts = json.loads((RESULTS / "fit_defaults.json").read_text())["parts"]
    priors = {name: prior_from_tables(prior_tables(parts, one.kind, but=name)) for name, one in sets.items()}
    tasks = [
        (name, shots, number)
        for number in range(options.draws)
        for shots in SHOTS
        for name, one in sets.items()
        if number < draws_of(options.draws, shots) and draw_of(one, shots, 0)
    ]
    found: dict[Task, dict[str, dict[str, float]]] = {}
    file = RESULTS / f"{options.name}.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    for task, row in spread_over(partial(run_draw, sets, priors), tasks, options.jobs, options.log):
        found[task] = row
        if len(found) % 20 == 0 or len(found) == len(tasks):
            report(found, options.name, before if options.add else {})


def report(found: Mapping[Task, Mapping[str, Mapping[str, float]]], name_of_file: str, before: Mapping) -> None:
    """Write what there is so far, beside other sets that were there before, and print it in short."""
    result: dict[str, dict[str, dict]] = dict(before.get("sets", {}))
    for name in {task[0] for task in found}:
        result.pop(name, None)
    for name, shots in sorted({task[:2] for task in found}):
        rows = [row for (other, count, _), row in sorted(found.items()) if (other, count) == (name, shots)]
        result.setdefault(name, {})[str(shots)] = {arm: over_draws(rows, arm) for arm in rows[0]}
    summed = summary(result)
    draws = max(before.get("draws", 0), 1 + max(number for _, _, number in found))
    pictures = {name: row for name, row in result.items() if name in PICTURES}
    kinds = {"summary_of_pictures": summary(pictures)} if len(pictures) < len(result) else {}
    write(name_of_file, {"draws": draws, "sets": dict(sorted(result.items())), "summary": summed, **kinds})
    print(len(found), {shots: {arm: row["mean_gain"] for arm, row in arms.items()} for shots, arms in summed.items()})


def over_draws(rows: list[Mapping[str, Mapping[str, float]]], arm: str) -> dict[str, float]:
    """Means over draws, and the standard error of the gain over the reference."""
    result = {key: round(float(np.mean([row[arm][key] for row in rows])), 5) for key in rows[0][arm]}
    gains = [row[arm]["accuracy"] - row[REFERENCE]["accuracy"] for row in rows]
    spread = float(np.std(gains, ddof=1)) if len(gains) > 1 else 0.0
    return {**result, "gain_standard_error": round(spread / len(gains) ** 0.5, 5), "draws": len(rows)}


def run_draw(sets: Sets, priors: Mapping[str, Prior], task: Task) -> dict[str, dict[str, float]]:
    """Accuracy, confidence and calibration error of each arm on one draw."""
    name, shots, number = task
    one, draw = sets[name], draw_of(sets[name], shots, number)
    assert draw is not None
    fit, test = draw
    augmented = shots <= 5 and "crop(0.6)" in one.encoded.plans_of(one.encoders[0])
    found = baselines(one.encoded, one.labels, one.encoders[0], fit, test, augmented)
    found["fit, same encoder"] = run_fit(one, priors[name], [one.encoders[0]], fit, test)
    found["fit"] = run_fit(one, priors[name], one.joined, fit, test)
    return {arm: judge(probabilities, one.labels[test], number) for arm, probabilities in found.items()}


def run_fit(
    one: EncodedSet, prior: Prior, encoders: list[str], fit: NDArray[np.int64], test: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Probabilities of the test examples by what `fit` chooses on the training examples."""
    examples = LabeledFeatures(one.encoded.select(torch.from_numpy(fit)), one.labels[fit])
    candidates = [Candidate(encoder, setting) for encoder in encoders for setting in one.settings]
    effort = replace(effort_of(examples.encoded, candidates), outer=0)  # there are test examples to judge by
    choice = choose(examples, candidates, prior, effort=effort)
    temperature = calibrate(examples, choice.candidate, prior, choice.folds)
    ((_, _, logits),) = fit_settings(one, choice.candidate.encoder, [choice.candidate.setting], fit, test)
    return (logits / temperature).softmax(1).numpy()


def judge(probabilities: NDArray[np.float64], labels: NDArray[np.int64], seed: int) -> dict[str, float]:
    """Accuracy, mean confidence and calibration error, and the error of a perfectly calibrated classifier."""
    metrics = measure(probabilities, labels)
    confidence, random = probabilities.max(1), np.random.default_rng(seed)
    by_chance = []
    for _ in range(CHANCES):  # the answer is right with the stated probability
        fraction, mean, right = reliability(confidence, (random.random(len(labels)) < confidence).astype(float)).T
        by_chance.append(float((fraction * abs(mean - right)).sum()))
    return {
        "accuracy": metrics.accuracy.value,
        "confidence": float(confidence.mean()),
        "calibration_error": metrics.calibration_error.value,
        "calibration_error_by_chance": float(np.mean(by_chance)),
        "brier": metrics.brier.value,
    }


def summary(sets: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> dict[str, dict]:
    """By shots: mean rank of each arm, mean gain over logistic regression, smallest gain, mean calibration error."""
    result = {}
    for shots in map(str, SHOTS):
        found = [row[shots] for row in sets.values() if shots in row]
        if not found:
            continue
        arms = [arm for arm in found[0] if all(arm in row for row in found)]
        ranks = np.array(
            [[sum(row[b]["accuracy"] > row[a]["accuracy"] for b in arms) + 1 for a in arms] for row in found]
        )
        gains = np.array([[row[a]["accuracy"] - row[REFERENCE]["accuracy"] for a in arms] for row in found])
        errors, chance = (
            np.array([[row[a][key] for a in arms] for row in found])
            for key in ("calibration_error", "calibration_error_by_chance")
        )
        result[shots] = {
            arm: {
                "mean_rank": round(float(ranks[:, i].mean()), 2),
                "mean_gain": round(float(gains[:, i].mean()), 4),
                "smallest_gain": round(float(gains[:, i].min()), 4),
                "sets_lost_by_a_point": int((gains[:, i] < -0.01).sum()),
                "calibration_error": round(float(errors[:, i].mean()), 4),
                "calibration_error_by_chance": round(float(chance[:, i].mean()), 4),
            }
            for i, arm in enumerate(arms)
        }
    return result


if __name__ == "__main__":
    main()
