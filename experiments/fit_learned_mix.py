"""What the learned mix of ops is worth as a candidate of `fit`: the same choice with it and without it.

With one or two examples of a class `fit` cannot compare candidates and does without the mix. One encoder,
EfficientNet-Lite0; everything else is chosen as `fit` does, by what did best on the other data sets and by
cross-validation on the drawn examples; accuracy on other examples. Gains are paired over draws. Writes
results/fit_learned_mix.json.

    python experiments/few_example_features.py --root DATA --features FEATURES --classes 10 --pictures 300
    python experiments/fit_learned_mix.py --features FEATURES --log LOG
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from few_example_features import EncodedSet, draw_of, fit_settings, load_sets, spread_over
from fit_defaults import prior_tables
from run_and_record import RESULTS, write

from manyshot.classify.choose.candidate_prior import Prior, prior_from_tables
from manyshot.classify.choose.candidates import LEARNED, Candidate
from manyshot.classify.choose.choose_candidate import choose, effort_of
from manyshot.classify.choose.labeled_features import LabeledFeatures

SHOTS = (3, 5, 10)
ARMS = ("with", "without")
Task = tuple[str, int, int]


def main() -> None:
    """Run, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", required=True, type=Path, help="the folder of features")
    parser.add_argument("--draws", type=int, default=8, help="draws of the examples")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--log", type=Path, help="file that holds what was measured, for a run that goes on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets = {name: one for name, one in load_sets(options.features).items() if one.kind == "pictures"}
    parts = json.loads((RESULTS / "fit_defaults.json").read_text())["parts"]
    priors = {name: prior_from_tables(prior_tables(parts, "pictures", but=name)) for name in sets}
    tasks = [
        (name, shots, number)
        for number in range(options.draws)
        for shots in SHOTS
        for name, one in sets.items()
        if draw_of(one, shots, 0)
    ]
    found: dict[Task, dict[str, float]] = {}
    for task, row in spread_over(partial(run_draw, sets, priors), tasks, options.jobs, options.log):
        found[task] = row
        if len(found) % 20 == 0 or len(found) == len(tasks):
            write("fit_learned_mix", {"sets": summarize(found)})


def run_draw(sets: Mapping[str, EncodedSet], priors: Mapping[str, Prior], task: Task) -> dict[str, float]:
    """Accuracy with the learned mix among the candidates and without it, and whether it was chosen."""
    name, shots, number = task
    one, draw = sets[name], draw_of(sets[name], shots, number)
    assert draw is not None
    fit, test = draw
    own, truth, result = one.encoded.select(torch.from_numpy(fit)), torch.from_numpy(one.labels[test]), {}
    for arm in ARMS:
        tried = [setting for setting in one.settings if arm == "with" or setting.variants != LEARNED]
        candidates = [Candidate(one.encoders[0], setting) for setting in tried]
        effort = replace(effort_of(own, candidates), outer=0)  # there are test examples to judge by
        chosen = choose(LabeledFeatures(own, one.labels[fit]), candidates, priors[name], effort=effort).candidate
        ((_, _, logits),) = fit_settings(one, chosen.encoder, [chosen.setting], fit, test)
        result[arm] = float((logits.argmax(1) == truth).double().mean())
        result[f"{arm}, mix chosen"] = float(chosen.setting.variants == LEARNED)
    return result


def summarize(found: Mapping[Task, Mapping[str, float]]) -> dict[str, dict[str, dict[str, float]]]:
    """By set and shots: mean accuracy of both arms, mean gain with its standard error, how often the mix was chosen."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for name, shots in sorted({task[:2] for task in found}):
        rows = [row for (other, count, _), row in sorted(found.items()) if (other, count) == (name, shots)]
        gains = np.array([row["with"] - row["without"] for row in rows])
        spread = float(gains.std(ddof=1)) if len(gains) > 1 else float("nan")
        result.setdefault(name, {})[str(shots)] = {
            **{arm: round(float(np.mean([row[arm] for row in rows])), 4) for arm in ARMS},
            "gain": round(float(gains.mean()), 4),
            "gain_standard_error": round(spread / len(rows) ** 0.5, 4),
            "mix_chosen": round(float(np.mean([row["with, mix chosen"] for row in rows])), 3),
            "draws": len(rows),
        }
    return result


if __name__ == "__main__":
    main()
