"""`fit` beside what a user of scikit-learn would do with the same frozen features.

Accuracy on examples that were not fitted to, over random draws of 1 to 20 examples per class. What `fit` knows of other
data sets is measured without the data set at hand. Writes results/fit.json.

    python experiments/fit_defaults.py --root DATA
    python benchmarks/fit.py --root DATA
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from few_shot_baselines import baselines

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from circumstances import RESULTS, write
from few_example_sets import PICTURES, SENTENCES, SHOTS, draws
from fit_defaults import all_passes, prior_tables

from manyshot.classify.calibrate import fit_temperature, logit_spread
from manyshot.classify.candidates import Candidate, settings
from manyshot.classify.choose_candidate import Choice, Effort, choose
from manyshot.classify.encoding import encode_passes
from manyshot.classify.example_set import Kind
from manyshot.classify.feature_bank import FeatureBank
from manyshot.classify.frozen_encoders import available
from manyshot.classify.metrics import measure
from manyshot.classify.prior import Prior, prior_from_tables
from manyshot.classify.resample import left_out_logits, stratified_folds

EFFORT = Effort(outer=0, inner=2, most=1000)
"""Nothing is judged by outer splits here, since there are test examples."""


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds the data sets")
    parser.add_argument("--draws", type=int, default=20, help="draws of the examples")
    parser.add_argument("--sets", help="names of data sets, with commas between; all if left out")
    options = parser.parse_args()
    known = json.loads((RESULTS / "fit_defaults.json").read_text())["accuracy"]
    result: dict[str, dict] = {}
    for kind, sets in (("pictures", PICTURES), ("sentences", SENTENCES)):
        for name, load in sets.items():
            if options.sets and name not in options.sets.split(","):
                continue
            start = time.process_time()
            tables = prior_tables({other: table for other, table in known[kind].items() if other != name})
            result[name] = run_set(load(options.root), prior_from_tables(tables), options.draws)
            print(f"{name}: {time.process_time() - start:.0f} CPU s", flush=True)
            for shots, row in result[name].items():
                print("  ", shots, {arm: f"{100 * value['accuracy']:.1f}" for arm, value in row.items()}, flush=True)
    write("fit", {"draws": options.draws, "sets": result, "summary": summary(result)})


def run_set(examples, prior: Prior, count: int) -> dict[str, dict]:
    """Mean accuracy, confidence and calibration error of each arm by shots."""
    encoders = available(examples.kind)
    bank = encode_passes(examples, all_passes(examples.kind))
    result: dict[str, dict] = {}
    for shots in SHOTS:
        rows: dict[str, list[dict[str, float]]] = {}
        for fit, test in draws(examples.labels, shots, count):
            probabilities = baselines(
                bank, examples.labels, encoders[0], fit, test, examples.kind == "pictures" and shots <= 5
            )
            probabilities["fit, same encoder"] = run_fit(bank, examples, prior, encoders[:1], fit, test)
            probabilities["fit"] = run_fit(bank, examples, prior, encoders, fit, test)
            for arm, values in probabilities.items():
                rows.setdefault(arm, []).append(judge(values, examples.labels[test]))
        if rows:
            result[str(shots)] = {
                arm: {key: round(float(np.mean([one[key] for one in found])), 5) for key in found[0]}
                for arm, found in rows.items()
            }
    return result


def run_fit(bank: FeatureBank, examples, prior: Prior, encoders, fit, test):
    """Probabilities of the test examples by what `fit` chooses on the training examples."""
    labels, own = examples.labels[fit], bank.select(torch.from_numpy(fit))
    choice = choose(own, labels, candidates(examples.kind, encoders), prior, seed=0, effort=EFFORT)
    both = bank.select(torch.from_numpy(np.r_[fit, test]))
    everything = torch.from_numpy(np.r_[labels, examples.labels[test]])
    classes = len(examples.class_names)
    training = torch.cat([torch.ones(len(fit)), torch.zeros(len(test))])[None]
    ((_, logits),) = left_out_logits(both, everything, classes, [choice.candidate], training, None)
    temperature = calibrate(own, labels, classes, choice, logits[0, : len(fit)])
    return (logits[0, len(fit) :] / temperature).softmax(1).numpy()


def calibrate(bank: FeatureBank, labels, classes: int, choice: Choice, own):
    """The temperature as `fit_model` finds it."""
    folds = int(min(np.median(np.bincount(labels)), 5))
    targets = torch.from_numpy(labels)
    if folds < 2:
        return fit_temperature(own[:0], targets[:0], logit_spread(own))
    fold = torch.from_numpy(stratified_folds(labels, folds, 0))
    ((_, left_out),) = left_out_logits(bank, targets, classes, [choice.candidate], torch.ones(1, len(labels)), fold)
    return fit_temperature(left_out[0], targets, logit_spread(own))


def candidates(kind: Kind, encoders) -> list[Candidate]:
    """Each encoder, all joined, and every setting."""
    names = [*encoders, *("+".join(encoders[:size]) for size in range(2, len(encoders) + 1))]
    return [Candidate(name, setting) for name in names for setting in settings(kind)]


def judge(probabilities, labels) -> dict[str, float]:
    """Accuracy, mean confidence and calibration error."""
    metrics = measure(probabilities, labels)
    return {
        "accuracy": metrics.accuracy.value,
        "confidence": float(probabilities.max(1).mean()),
        "calibration_error": metrics.calibration_error.value,
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
        gains = np.array([[row[a]["accuracy"] - row["logistic regression"]["accuracy"] for a in arms] for row in found])
        errors = np.array([[row[a]["calibration_error"] for a in arms] for row in found])
        result[shots] = {
            arm: {
                "mean_rank": round(float(ranks[:, i].mean()), 2),
                "mean_gain": round(float(gains[:, i].mean()), 4),
                "smallest_gain": round(float(gains[:, i].min()), 4),
                "calibration_error": round(float(errors[:, i].mean()), 4),
            }
            for i, arm in enumerate(arms)
        }
    return result


if __name__ == "__main__":
    main()
