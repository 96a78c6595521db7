"""Which variants `fit` should choose from: affine maps and crops, these and a mix of two ops, or the mix of `auto`.

Each arm is a list of variants among which `fit` chooses, as it does: with one or two examples of a class by what did
best on other data sets, with more also by cross-validation on the drawn examples. Accuracy is on other examples, gains
are paired over draws. The encoder is EfficientNet-Lite0 joined with the spread of its maps, which needs one pass.
The arm is chosen on `CHOSEN_ON`, where `fit` knows of the others of these alone, and judged on `JUDGED_ON`, where it
knows of all other sets. Writes results/fit_auto.json.

    python experiments/fit_auto.py encode --root DATA --features FEATURES
    python experiments/fit_auto.py fit --features FEATURES --log LOG
    python experiments/fit_auto.py judge --features FEATURES --log LOG
    python experiments/fit_auto.py write --features FEATURES --log LOG
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from few_example_features import EncodedSet, draw_of, fit_settings, load_sets, part_of, spread_over
from few_example_sets import PICTURES
from fit_defaults import prior_tables
from jaxtyping import Float
from lite0_and_spread import NAME, PARTS
from run_and_record import RESULTS, write

from manyshot.base.tensor_file import write_tensors
from manyshot.classify.choose.candidate_prior import Prior, prior_from_tables
from manyshot.classify.choose.candidates import Candidate, Setting, Variants, settings
from manyshot.classify.choose.choose_candidate import (
    CAUTION,
    FOLDS,
    LEAST_TO_CHOOSE,
    expected_gain,
)
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.encode.plan_encoding import Pass, encode_passes
from manyshot.classify.heads import Transform
from manyshot.meta_augment.auto.auto_plan import usual_mix

CHOSEN_ON = {"photographs a-l": (6, 144), "printed letters": (6, 72), "skin lesions": (7, 70)}
JUDGED_ON = {"CIFAR-FS": (6, 144), "blood cells": (5, 70), "Omniglot": (5, 70), "emoji": (10, 70)}
JUDGED_ON |= {"chest X-rays": (3, 66)}
"""Sets, with the number of classes and of pictures that are used of them."""
SHOTS = (1, 2, 3, 5, 10)
AFFINE: Variants = (("affine", 2),)
CROPS: Variants = (("affine", 2), ("crop(0.6)", 2), ("flip", 1))
TWO_OPS: Variants = (("resized_crop(0.4)", 2), ("blur(7) noise(0.1)", 2))
"""The learned mix of two ops that `fit` has, from three examples of a class on."""


def auto(variants: int) -> Variants:
    """The mix of `auto` for so many variants, at the size of the encoders' pictures."""
    return tuple((row, 1) for row in usual_mix(5, variants).rows_for(224))


EIGHT, SIXTEEN = auto(8), auto(16)
LISTED: dict[str, Variants] = {
    "affine": AFFINE,
    "affine, crops, flips": CROPS,
    "mix of two ops": TWO_OPS,
    "8 variants of auto": EIGHT,
    "16 variants of auto": SIXTEEN,
}
ARMS: dict[str, tuple[tuple[Variants, int], ...]] = {
    "no mix": ((AFFINE, 1), (CROPS, 1)),
    "mix of two ops": ((AFFINE, 1), (CROPS, 1), (TWO_OPS, 3)),
    "8 of auto alone": ((EIGHT, 1),),
    "8 of auto": ((AFFINE, 1), (CROPS, 1), (EIGHT, 1)),
    "16 of auto alone": ((SIXTEEN, 1),),
    "16 of auto": ((AFFINE, 1), (CROPS, 1), (SIXTEEN, 1)),
    "16 of auto, from 3": ((AFFINE, 1), (CROPS, 1), (SIXTEEN, 3)),
}
"""Variants among which each arm chooses, beside none, and from how many examples of a class each is one of them. Those
with `auto` stand in order of what they cost."""
BASE, *NEW = list(ARMS)[1:]
LEAD = 0.005
"""By how much an arm must be better than a cheaper one, on the sets that it is chosen on, to be chosen."""
REPEATS = 2
"""Divisions into folds by which candidates are compared."""
BY_ONE_HEAD = "ridge(penalty=0.1)"
Task = tuple[str, int, int]
Cells = dict[str, dict[str, float]]


def main() -> None:
    """Encode, fit, judge, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("encode", "fit", "judge", "write"))
    parser.add_argument("--root", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--features", required=True, type=Path, help="the folder of features")
    parser.add_argument("--log", type=Path, help="folder of what was measured, a file a set")
    parser.add_argument("--sets", help="names of sets, with commas between; all if left out")
    parser.add_argument("--draws", type=int, default=10, help="draws of the examples")
    parser.add_argument("--shots", type=int, nargs="*", default=SHOTS, help="examples of a class")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = options.sets.split(",") if options.sets else [*CHOSEN_ON, *JUDGED_ON]
    if options.step == "encode":
        encode_sets(names, options.root, options.features)
    elif options.step == "write":
        write("fit_auto", summarize(read_log(options.log, "fit"), read_log(options.log, "judge")))
    else:
        options.log.mkdir(parents=True, exist_ok=True)
        sets = load_sets(options.features, names)
        work = partial(fit_each, sets)
        if options.step == "judge":
            cells = read_log(options.log, "fit")
            work = partial(run_arms, sets, {name: prior_of(cells, name) for name in sets}, cells)
        for name, one in sets.items():
            tasks = [(name, k, number) for k in options.shots for number in range(options.draws) if draw_of(one, k, 0)]
            done = spread_over(work, tasks, 1, options.log / f"{options.step} {name}.jsonl")
            print(name, len(list(done)), flush=True)


def encode_sets(names: Sequence[str], root: Path, folder: Path) -> None:
    """Encode pictures and their variants, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    both = {plan: copies for made in (CROPS, TWO_OPS) for plan, copies in made}
    passes = [(Pass(NAME), 0)]
    passes += [(Pass(NAME, plan, max(1, both.pop(plan, 0))), place + 1) for place, (plan, _) in enumerate(SIXTEEN)]
    passes += [(Pass(NAME, plan, copies), 0) for plan, copies in both.items()]
    for name in names:
        examples = part_of(PICTURES[name](root), *(CHOSEN_ON | JUDGED_ON)[name])
        tensors = {"labels": torch.from_numpy(examples.labels)}
        for one, seed in passes:  # seeds differ, so that the ops of the mix draw independently
            (features,) = encode_passes(examples, [one], seed).features.values()
            blocks = features.half().split(list(PARTS.values()), -1)
            tensors |= {json.dumps([part, one.plan]): block for part, block in zip(PARTS, blocks, strict=True)}
        write_tensors(folder / f"{name}.safetensors", tensors)
        print(f"{name}: {len(examples)} pictures of {len(examples.class_names)} classes", flush=True)


def read_log(folder: Path, step: str) -> dict[Task, dict]:
    """What was measured, of all sets."""
    lines = [line for path in sorted(folder.glob(f"{step} *.jsonl")) for line in path.read_text().splitlines()]
    return {tuple(task): row for task, row in map(json.loads, lines)}


def tried_settings() -> list[Setting]:
    """All settings, and those with `auto` without views of new examples."""
    tried = settings("pictures", together=tuple(LISTED.values()))
    return tried + [replace(one, views=False) for one in tried if one.variants in (EIGHT, SIXTEEN)]


def fit_each(sets: Mapping[str, EncodedSet], task: Task) -> Cells:
    """Accuracy on other examples by encoder and setting."""
    name, shots, number = task
    one, draw = sets[name], draw_of(sets[name], shots, number)
    assert draw is not None
    fit, test = draw
    truth = torch.from_numpy(one.labels[test])
    return {
        encoder: {
            setting.key: round(float((new.argmax(1) == truth).double().mean()), 5)
            for setting, _, new in fit_settings(one, encoder, tried_settings(), fit, test)
        }
        for encoder in one.joined
    }


def prior_of(cells: Mapping[Task, Cells], name: str) -> Prior:
    """What `fit` knows of other sets: of all of them for those that it is judged on."""
    known = [other for other in (CHOSEN_ON if name in CHOSEN_ON else CHOSEN_ON | JUDGED_ON) if other != name]
    parts = json.loads((RESULTS / "fit_defaults.json").read_text())["parts"]
    accuracy = {other: mean_cells(cells, other) for other in known}
    parts["settings"] = {"kinds": {"pictures": {"accuracy": accuracy}}}
    tried = [setting.key for setting in tried_settings() if setting.views or not setting.variants]
    return prior_from_tables(prior_tables(parts, "pictures", name, tried))


def mean_cells(cells: Mapping[Task, Cells], name: str) -> dict[str, dict[str, Cells]]:
    """Mean accuracy over draws by encoder, shots and setting, at the numbers of shots that ship."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for (other, shots, _), row in cells.items():
        if other == name and shots != 3:
            for encoder, values in row.items():
                for key, value in values.items():
                    found.setdefault(encoder, {}).setdefault(str(shots), {}).setdefault(key, []).append(value)
    return {
        encoder: {
            shots: {key: float(np.mean(values)) for key, values in row.items()} for shots, row in by_shots.items()
        }
        for encoder, by_shots in found.items()
    }


def run_arms(
    sets: Mapping[str, EncodedSet], priors: Mapping[str, Prior], cells: Mapping[Task, Cells], task: Task
) -> dict[str, dict]:
    """Accuracy of what each arm chooses, and which variants it has."""
    name, shots, number = task
    one, draw = sets[name], draw_of(sets[name], shots, number)
    assert draw is not None
    own = LabeledFeatures(one.encoded.select(torch.from_numpy(draw[0])), one.labels[draw[0]])
    encoder = one.joined[-1]
    candidates = [Candidate(encoder, setting) for setting in settings("pictures", together=tuple(LISTED.values()))]
    gains = [priors[name].gain_of(candidate, own.shots) for candidate in candidates]
    mean, sd = np.array([gain.mean for gain in gains]), np.array([gain.sd for gain in gains])
    right = cross_validated(own, candidates) if shots >= LEAST_TO_CHOOSE else None
    result = {}
    for arm, variants in ARMS.items():
        listed = [(), *(made for made, least in variants if shots >= least)]
        rows = np.array([i for i, candidate in enumerate(candidates) if candidate.setting.variants in listed])
        scores = (mean - CAUTION * sd)[rows]
        if right is not None:
            scores = expected_gain(right[rows], mean[rows], sd[rows], int(mean[rows].argmax()))
        chosen = candidates[rows[scores.argmax()]].setting
        label = next((label for label, made in LISTED.items() if made == chosen.variants), "none")
        result[arm] = {"accuracy": cells[task][encoder][chosen.key], "variants": label}
    return result


def cross_validated(own: LabeledFeatures, candidates: Sequence[Candidate]) -> Float[np.ndarray, "candidates n"]:
    """How often each example is right by fits without its fold, as `choose` has it."""
    right = np.zeros((len(candidates), len(own)))
    for repeat in range(REPEATS):
        fold = own.folds(min(int(own.shots), FOLDS), 2 * repeat)
        for index, logits in own.left_out_logits(candidates, own.all_training, fold):
            right[index] += (logits[0].argmax(1) == own.targets).double().numpy() / REPEATS
    return right


def summarize(cells: Mapping[Task, Cells], found: Mapping[Task, Mapping[str, dict]]) -> dict:
    """By set and shots: what each arm and each kind of variants gains, and which arm is chosen."""
    arms: dict[str, dict[str, dict]] = {}
    for name, shots in dict.fromkeys(task[:2] for task in found):
        rows = [row for task, row in found.items() if task[:2] == (name, shots)]
        base = np.array([row[BASE]["accuracy"] for row in rows])
        cell = {}
        for arm in ARMS:
            gains = np.array([row[arm]["accuracy"] for row in rows]) - base
            picked = [row[arm]["variants"] for row in rows]
            cell[arm] = {
                **_moments(gains),
                "accuracy": round(float((base + gains).mean()), 4),
                "picked": {label: picked.count(label) for label in ("none", *LISTED) if label in picked},
            }
        arms.setdefault(name, {})[str(shots)] = cell
    means = {
        arm: {part: _mean(arms, names, arm) for part, names in (("chosen_on", CHOSEN_ON), ("judged_on", JUDGED_ON))}
        for arm in ARMS
    }
    chosen = NEW[0]
    for arm in NEW[1:]:
        if means[arm]["chosen_on"]["all"] >= means[chosen]["chosen_on"]["all"] + LEAD:
            chosen = arm
    return {
        "chosen_on": list(CHOSEN_ON),
        "judged_on": list(JUDGED_ON),
        "base": BASE,
        "lead": LEAD,
        "chosen": chosen,
        "means": means,
        "arms": arms,
        "one_head": {"head": BY_ONE_HEAD, "gains": by_one_head(cells)},
    }


def by_one_head(cells: Mapping[Task, Cells]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """What variants gain over none with one head and the joined encoders, by kind of variants, set and shots."""
    transform, result = Transform(power=0.5), {}
    kinds = {label: Setting(transform, BY_ONE_HEAD, made, views=True).key for label, made in LISTED.items()}
    kinds |= {
        f"{label}, new examples as they are": Setting(transform, BY_ONE_HEAD, made).key
        for label, made in LISTED.items()
        if made in (EIGHT, SIXTEEN)
    }
    plain = Setting(transform, BY_ONE_HEAD).key
    for label, key in kinds.items():
        for name, shots in dict.fromkeys(task[:2] for task in cells):
            rows = [row for task, row in cells.items() if task[:2] == (name, shots)]
            gains = np.array([row[joined][key] - row[joined][plain] for row in rows for joined in list(row)[-1:]])
            result.setdefault(label, {}).setdefault(name, {})[str(shots)] = _moments(gains)
    return result


def _moments(gains: np.ndarray) -> dict[str, float]:
    error = float(gains.std(ddof=1)) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
    return {"gain": round(float(gains.mean()), 4), "standard_error": round(error, 4), "draws": len(gains)}


def _mean(arms: Mapping[str, Mapping[str, dict]], names: Sequence[str], arm: str) -> dict[str, float]:
    """Mean gain over sets by shots, and over all cells."""
    cells = {(name, shots): row[arm]["gain"] for name in names for shots, row in arms.get(name, {}).items()}
    by_shots = {
        str(shots): float(np.mean([gain for (_, own), gain in cells.items() if own == str(shots)])) for shots in SHOTS
    }
    return {key: round(value, 4) for key, value in (by_shots | {"all": float(np.mean(list(cells.values())))}).items()}


if __name__ == "__main__":
    main()
