"""Omniglot's one-shot challenge from the minimal set: what each part brings, and how far all of them go.

Trained on `small1` (five alphabets) alone. The ladder adds one part at a time, at equal steps; the long training has
all of them and a wider net. Everything was chosen by `choosing` runs, drawn by experiments/one_shot_runs.py from other
alphabets; the published-style `final` runs are judged once. Writes results/omniglot_challenge.json; what is trained
there already is not trained again.

    python experiments/one_shot_runs.py --root DATA/omniglot --out choosing_runs.zip
    python experiments/omniglot_challenge.py --root DATA/omniglot --choosing choosing_runs.zip \
        --final DATA/omniglot/practice_runs.zip
"""

import argparse
from statistics import mean

from circumstances import answer, write

SHARED = (
    "--split small1 --size 32 --ways 20 --queries 2 --tasks-per-step 2 --rate 2e-3 --validation 0 "
    "--within-group {within} --encoder '{encoder}' --steps {steps} --plan '{plan}'"
)
ITEMS = "support+query: affine(10, 1.15, 0.2, 0.05) elastic(0.07) stroke(0.7, p=0.5)"
TURNED = "turn(per=task) flip(per=task)"
SMALL = {"encoder": "conv4(32, 64, 128, 128)", "steps": 1000}
LONG = {"encoder": "conv4(48, 96, 128, 192)", "steps": 6000}
LADDER = {
    "nothing": {"plan": "none", "within": 0, **SMALL},
    "items deformed": {"plan": ITEMS, "within": 0, **SMALL},
    "+ turned classes": {"plan": f"task: turn flip; {ITEMS}", "within": 0, **SMALL},
    "+ tasks within an alphabet, turned as one": {"plan": f"task: {TURNED}; {ITEMS}", "within": 0.9, **SMALL},
    "+ drawings centred": {"plan": f"task: {TURNED}; {ITEMS}", "within": 0.9, "centred": True, **SMALL},
    "+ composites": {
        "plan": f"task: {TURNED} composites(arranged, 8, p=0.5); {ITEMS}",
        "within": 0.9,
        "centred": True,
        **SMALL,
    },
}
ALL = {**LADDER["+ composites"], **LONG}
USES = {
    "one prototype": "--plan none",
    "mean of variants": "--plan 'shots: 64 x {gentle}; query: 16 x {gentle}'",
    "nearest of variants": "--plan 'shots: 64 x {gentle}; query: 16 x {gentle}' --learner 'prototypes(nearest)'",
}
GENTLE = "affine(7, 1.15, 0.12, 0.07) elastic(0.06, cells=3)"


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background_small1.zip")
    parser.add_argument("--choosing", required=True, help="runs to choose by")
    parser.add_argument("--final", required=True, help="runs that are judged once")
    parser.add_argument("--runs", default="runs/omniglot_challenge", help="where the trainings lie")
    parser.add_argument("--seeds", type=int, default=3, help="of the long training")
    parser.add_argument("--ladder-seeds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, dict] = {"ladder": {}, "long": {}}
    for number, (rung, settings) in enumerate(LADDER.items()):
        runs = [
            _trained(f"{options.runs}/rung-{number}", settings, seed, options) for seed in range(options.ladder_seeds)
        ]
        found["ladder"][rung] = _judged(_words(settings), runs, USES["one prototype"], options.choosing)
        print(rung, found["ladder"][rung]["error"], flush=True)
    runs = [_trained(f"{options.runs}/long", ALL, seed, options) for seed in range(options.seeds)]
    for use, words in USES.items():
        words = words.format(gentle=GENTLE)
        for place, name in ((options.choosing, "choosing"), (options.final, "final")):
            found["long"][f"{use}, {name}"] = _judged(_words(ALL), runs, words, place)
            found["long"][f"{use}, {name}, ensemble"] = _together(runs, words, place)
        print(use, {name: one["error"] for name, one in found["long"].items() if name.startswith(use)}, flush=True)
    write("omniglot_challenge", found)


def _words(settings: dict) -> str:
    centred = " --centred" if settings.get("centred") else ""
    return f"manyshot train omniglot {SHARED.format(**settings)}{centred}"


def _trained(folder: str, settings: dict, seed: int, options: argparse.Namespace) -> str:
    run = f"{folder}/seed-{seed}"
    answer(f"{_words(settings)} --seed {seed} --root {options.root} --out {run} --resume")
    return run


def _judged(training: str, runs: list[str], words: str, place: str) -> dict:
    """The error of each seed's run, and their mean."""
    each = [answer(f"manyshot evaluate {run} --one-shot-runs {place} {words}") for run in runs]
    return {
        "train": training,
        "judge": f"manyshot evaluate RUN --one-shot-runs RUNS.zip {words}",
        "error": mean(one["error"] for one in each),
        "by_seed": [one["error"] for one in each],
        "intervals_over_runs": [one["interval"] for one in each],
        "trials": each[0]["trials"],
    }


def _together(runs: list[str], words: str, place: str) -> dict:
    """The error of the seeds' averaged predictions."""
    first, *others = runs
    more = " ".join(f"--ensemble {run}" for run in others)
    got = answer(f"manyshot evaluate {first} {more} --one-shot-runs {place} {words}")
    return {"error": got["error"], "interval_over_runs": got["interval"], "trials": got["trials"], "members": len(runs)}


if __name__ == "__main__":
    main()
