"""Omniglot's one-shot challenge from the minimal set: what each part brings, and how far all of them go.

The ladder is the preset omniglot-challenge: one part at a time, at equal steps. `long` has all of them, a wider net and
ten times the steps. Both are trained on `small1` (five alphabets) alone. Everything was chosen by the `choosing` runs,
drawn by experiments/one_shot_runs.py from other alphabets; the `final` runs are judged once. Adds what was asked for to
results/omniglot_challenge.json; what is trained in --runs already is not trained again.

    python experiments/one_shot_runs.py --root DATA/omniglot --out choosing_runs.zip
    python experiments/omniglot_challenge.py --root DATA/omniglot --choosing choosing_runs.zip \
        --final DATA/omniglot/practice_runs.zip
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from circumstances import RESULTS, write

from manyshot.training.one_shot import CONFIG, RUNGS, climb

LONG = replace(CONFIG, encoder="conv4(48, 96, 128, 192)", fit=replace(CONFIG.fit, steps=6000))
PARTS = {"ladder": (CONFIG, RUNGS), "long": (LONG, RUNGS[-3:])}


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background_small1.zip")
    parser.add_argument("--choosing", type=Path, help="runs to choose by")
    parser.add_argument("--final", type=Path, help="runs that are judged once")
    parser.add_argument("--runs", default=Path("runs/omniglot_challenge"), type=Path, help="where the trainings lie")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    file = RESULTS / "omniglot_challenge.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for part in options.parts:
        config, rungs = PARTS[part]
        config = replace(config, root=options.root)
        told = found.setdefault(part, {"encoder": config.encoder, "seeds": options.seeds})
        for name, runs in (("choosing", options.choosing), ("final", options.final)):
            if runs is None:
                continue
            began = time.process_time()
            climbed = climb(config, runs, options.seeds, options.runs / part, options.jobs, rungs)
            told[name] = climbed.as_dict() | {"cpu_seconds_of_judging": time.process_time() - began}
            write("omniglot_challenge", found)


if __name__ == "__main__":
    main()
