"""A larger encoder, augmentation, or the names of the classes: what each is worth in `fit`, on five sets of pictures.

The smaller and the larger EfficientNet-Lite, each as it is, with the variants that `fit` tries first, and with names of
classes where the examples agree with them; heads are ridge, with the penalty that `fit` chooses. Examples of a few
classes are drawn at random and judged on others of the same classes; all arms see the same draws. Nothing was tuned.
Writes results/three_levers.json after each set.

    python experiments/three_levers.py --root DATA [--sets NAME ...] [--quick]
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from fit_names import Encoded, cifar_fs, draws, emoji, few, folder, letters
from run_and_record import RESULTS, write

from manyshot.base import read_json
from manyshot.classify.choose.candidate_prior import load_prior
from manyshot.classify.choose.candidates import TOGETHER, Candidate, settings
from manyshot.classify.choose.choose_candidate import choose
from manyshot.classify.choose.choose_names import choose_names
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.choose.zero_shot_names import NameTerm
from manyshot.classify.encode.plan_encoding import Pass
from manyshot.training import holm, paired_difference

RESULT = RESULTS / "three_levers.json"
SHOTS, CLASSES = (1, 5), 20
SMALL, LARGE = "efficientnet-lite0", "efficientnet-lite2"
((PLAN, COPIES),) = TOGETHER[0]
PASSES = [one for name in (SMALL, LARGE) for one in (Pass(name), Pass(name, PLAN, COPIES))]
PENALTIES = [f"ridge(penalty={penalty:g})" for penalty in (1e-2, 1e-1, 1)]
HOW = {"passes": PASSES, "most": CLASSES}
ARMS = ("Lite0", "Lite0 + augmentation", "Lite0 + names", "Lite2", "Lite2 + augmentation", "Lite2 + names")
CASES: dict[str, tuple[Callable[[Path], Encoded], int]] = {
    "CIFAR-FS, validation classes": (partial(cifar_fs, part="val", **HOW), 5),
    "emoji": (partial(emoji, part=3, **HOW), 5),
    "white blood cells": (partial(folder, path="blood_cells/images.zip", **HOW), 4),
    "kinds of medical images": (partial(folder, path="mednist/images.zip", **HOW), 5),
    "handwritten letters (Omniglot)": (partial(letters, **HOW), 5),
}


def judged(data: Encoded, ways: int, shots: int, seed: int, count: int) -> np.ndarray:
    """Accuracy `[draws, arms]` on queries."""
    prior, result = load_prior(data.kind), []
    for classes, rows in draws(data, ways, shots, seed, count):
        features, labels, said = few(data, classes, rows[:, :shots])
        examples = LabeledFeatures(features, labels, seed=seed)
        both, targets, _ = few(data, classes, rows)
        seen = torch.zeros(1, *rows.shape, dtype=torch.float64)
        seen[..., :shots] = 1
        seen, row = seen.flatten(1), []
        for encoder in (SMALL, LARGE):
            for together in ((), TOGETHER[:1]):
                tried = [
                    one for one in settings(data.kind, PENALTIES, together) if bool(one.variants) == bool(together)
                ]
                choice = choose(examples, [Candidate(encoder, one) for one in tried], prior)
                ((_, own),) = LabeledFeatures(both, targets).left_out_logits([choice.candidate], seen)
                row.append(right(own[0], targets, seen))
                if not together:
                    found, plain = choose_names(examples, choice, said, prior), own
                    candidate = choice.candidate
            assert found is not None
            named = plain + NameTerm(said, found.scale).logits(both, candidate, seen)
            row.append(right(named[0], targets, seen))
        result.append(row)
    return np.array(result)


def right(logits: torch.Tensor, targets: np.ndarray, seen: torch.Tensor) -> float:
    """Accuracy on the examples that were not seen."""
    return float((logits.argmax(1).numpy() == targets)[seen[0].numpy() == 0].mean())


def run(data: Encoded, ways: int, seeds: int, count: int) -> dict[str, object]:
    """Every number of shots."""
    rows: dict[str, object] = {}
    for shots in SHOTS:
        accuracy = np.stack([judged(data, ways, shots, seed, count) for seed in range(seeds)])
        first = accuracy[..., 0]
        found = {arm: paired_difference(accuracy[..., i], first, most=1) for i, arm in enumerate(ARMS) if i}
        corrected = dict(zip(found, holm([one.p_value for one in found.values()]), strict=True))
        rows[str(shots)] = {
            "accuracy": dict(zip(ARMS, accuracy.mean((0, 1)).tolist(), strict=True)),
            "by_seed": {arm: accuracy[..., i].mean(1).tolist() for i, arm in enumerate(ARMS)},
            "against_lite0": {
                arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in found.items()
            },
        }
        print(ways, shots, dict(zip(ARMS, accuracy.mean((0, 1)).round(3).tolist(), strict=True)), flush=True)
    return {"ways": ways, "classes": len(data.texts), "examples": len(data.labels), "shots": rows}


def main() -> None:
    """Run the sets, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=CASES, help="those without results if not given")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, count = (2, 3) if options.quick else (3, 16)
    whole = read_json(RESULT) if RESULT.exists() and not options.quick else {}
    sets = whole.get("sets", {}) if isinstance(whole, dict) else {}
    for name in options.sets or [name for name in CASES if name not in sets]:
        began, (load, ways) = time.process_time(), CASES[name]
        print(name, flush=True)
        sets[name] = run(load(options.root), ways, seeds, count)
        sets[name]["cpu_seconds"] = time.process_time() - began
        if not options.quick:
            command = "python experiments/three_levers.py --root DATA"
            found = {"command": command, "seeds": seeds, "draws": count, "plan": f"{COPIES} x {PLAN}", "sets": sets}
            write("three_levers", found)


if __name__ == "__main__":
    main()
