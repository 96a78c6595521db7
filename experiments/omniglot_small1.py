"""Omniglot's minimal background set: one-shot classification with and without augmentation.

Trains twice on `small1` alone, with everything equal but the plan, and judges both on one-shot runs in the layout of
Omniglot's `all_runs.zip`. Writes results/omniglot_small1.json; a training that is there already is resumed.

    python experiments/omniglot_small1.py --root DATA/omniglot --one-shot-runs DATA/omniglot/practice_runs.zip
"""

import argparse
from pathlib import Path

from run_and_record import answer, write

TRAINING = (
    "--split small1 --size 42 --encoder 'conv4(32, 64, 128, 128)' --ways 20 --queries 2 --within-group 0.5 "
    "--meta-batch-size 2 --steps 5000 --learning-rate 2e-3 --validation 0"
)
PLANS = {"without": "none", "with": "handwriting"}
# Chosen on the three alphabets of small2 that small1 does not have, not on the runs that it is judged on.
JUDGING = {
    "prototypes": "--plan none",
    "nearest of many variants": "--plan handwriting-test --learner 'prototypes(nearest)'",
}


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background_small1.zip")
    parser.add_argument("--one-shot-runs", required=True, help="a zip laid out like all_runs.zip")
    parser.add_argument("--runs", default="runs/omniglot_small1", help="where the trainings lie")
    options = parser.parse_args()
    result: dict[str, dict] = {}
    for name, plan in PLANS.items():
        run = f"{options.runs}/{name}"
        train = f"manyshot train omniglot {TRAINING} --plan {plan} --out"
        answer(f"{train} {run} --root {options.root} --resume")
        result[name] = {"train": f"{train} {name}", "evaluations": {}}
        for how, words in JUDGING.items():
            judge = f"manyshot evaluate {name} --one-shot-runs {Path(options.one_shot_runs).name} {words}"
            got = answer(f"manyshot evaluate {run} --one-shot-runs {options.one_shot_runs} {words}")
            got.pop("run")  # where it lies on this machine
            result[name]["evaluations"][how] = {"command": judge, **got}
            print(f"{name:8} {how:26} error {got['error']:.4f}", flush=True)
    first, best = (
        result["without"]["evaluations"]["prototypes"],
        result["with"]["evaluations"]["nearest of many variants"],
    )
    write("omniglot_small1", {"ratio": best["error"] / first["error"], "arms": result, "seed": 0})


if __name__ == "__main__":
    main()
