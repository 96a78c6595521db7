"""Omniglot's official one-shot test with several training sets, and the same models on runs drawn at random.

The arms are the last three of the preset omniglot-challenge and deformation matching. `small1` is trained on the five
alphabets of the minimal set, `background` on all thirty, `wide` on all thirty with a wider network for longer. Nothing
is chosen by the official runs. The random runs, drawn by experiments/one_shot_runs.py from alphabets outside of small1,
show how much easier the official ones are. Writes results/omniglot_official.json after each part; parts that are not
named by --parts stay as they are in that file.

    python experiments/one_shot_runs.py --root DATA/omniglot --runs 40 --seed 11 --out random_runs.zip
    python experiments/omniglot_official.py --root DATA/omniglot --official DATA/omniglot/all_runs.zip \
        --random random_runs.zip
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from run_and_record import RESULTS, write

from manyshot.compare.omniglot_ladder import CONFIG, LADDER, run_ladder
from manyshot.training import Config

BACKGROUND = replace(CONFIG, split="background")
PARTS: dict[str, tuple[Config, int]] = {
    "small1": (CONFIG, 3000),
    "background": (BACKGROUND, 3000),
    "wide": (replace(BACKGROUND, encoder="conv4(48, 96, 128, 192)"), 8000),
}
"""Settings, and the number of steps."""


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background.zip")
    parser.add_argument("--official", type=Path, required=True, help="all_runs.zip, as published")
    parser.add_argument("--random", type=Path, help="runs from alphabets outside of small1; evaluated for small1 alone")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", default=Path("runs/omniglot_official"), type=Path, help="where the trainings lie")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="instead of a part's own number of steps")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--out", type=Path, help="write the figures to this file instead of results/")
    options = parser.parse_args()
    out = options.out or RESULTS / "omniglot_official.json"
    result: dict[str, Any] = {"parts": json.loads(out.read_text(encoding="utf-8"))["parts"] if out.exists() else {}}
    for part in options.parts:
        settings, steps = PARTS[part]
        fit = replace(settings.fit, steps=options.steps or steps, device=options.device)
        config = replace(settings, root=options.root, fit=fit)
        own: dict[str, Any] = {
            "encoder": config.encoder,
            "split": config.split,
            "seeds": options.seeds,
            "device": options.device,
        }
        tests = {"official": options.official}
        if part == "small1" and options.random:
            tests["random"] = options.random
        for name, runs in tests.items():
            start = time.monotonic()
            ladder = run_ladder(config, runs, options.seeds, options.runs / part, jobs=options.jobs, arms=LADDER[-3:])
            own[name] = ladder.as_dict() | {"seconds": time.monotonic() - start}
            result["parts"][part] = own
            save(result, options.out)
            errors = {arm: round(100 * values["error"], 2) for arm, values in own[name]["arms"].items()}
            print(part, name, errors, flush=True)


def save(found: dict[str, Any], out: Path | None) -> None:
    """Write what there is so far."""
    if out is None:
        write("omniglot_official", found)
    else:
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
