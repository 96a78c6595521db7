"""Omniglot's one-shot challenge from the minimal set: what each part brings, and how far all of them go.

The ladder is the preset omniglot-challenge: one part at a time, at equal steps. `long` has all of them, a wider net and
ten times the steps. Both are trained on `small1` (five alphabets) alone. `background` has all of them too, and is
trained on every background alphabet of which the final runs show no drawing. Everything was chosen by the `choosing`
runs, drawn by experiments/one_shot_runs.py from other alphabets; nothing by the `final` ones. Adds what was asked
for to results/omniglot_challenge.json; what is trained in --runs already is not trained again.

    python experiments/one_shot_runs.py --root DATA/omniglot --out choosing_runs.zip
    python experiments/omniglot_challenge.py --root DATA/omniglot --choosing choosing_runs.zip \
        --final DATA/omniglot/practice_runs.zip
"""

import argparse
import hashlib
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from run_and_record import RESULTS, write

from manyshot.base.atomic_files import write_aside
from manyshot.compare.omniglot_ladder import CONFIG, LADDER, run_ladder
from manyshot.datasets.omniglot import STEMS

LONG = replace(CONFIG, encoder="conv4(48, 96, 128, 192)", fit=replace(CONFIG.fit, steps=6000))
WIDER = replace(CONFIG, split="background", fit=replace(CONFIG.fit, steps=3000))
PARTS = {"ladder": (CONFIG, LADDER), "long": (LONG, LADDER[-3:]), "background": (WIDER, LADDER[-3:])}


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds images_background_small1.zip")
    parser.add_argument("--choosing", type=Path, help="runs to choose by")
    parser.add_argument("--final", type=Path, help="runs that nothing is chosen by")
    parser.add_argument("--runs", default=Path("runs/omniglot_challenge"), type=Path, help="where the trainings lie")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    file = RESULTS / "omniglot_challenge.json"
    for part in options.parts:
        config, arms = PARTS[part]
        root, told_of = Path(options.root), {}
        if part == "background":
            if options.final is None:
                parser.error("--parts background leaves out the alphabets of the final runs; name them by --final")
            root = options.runs / "without_final"
            told_of["alphabets"] = without(Path(options.root), options.final, root)
        config = replace(config, root=str(root))
        for name, runs in (("choosing", options.choosing), ("final", options.final)):
            if runs is None or (part == "background" and name == "choosing"):  # drawn from its training alphabets
                continue
            began = time.process_time()
            result = run_ladder(config, runs, options.seeds, options.runs / part, jobs=options.jobs, arms=arms)
            seconds = time.process_time() - began
            # Read anew, for another part may have been written since.
            actual = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            output = actual.setdefault(part, {"encoder": config.encoder, "seeds": options.seeds} | told_of)
            output[name] = result.as_dict() | {"cpu_seconds_of_evaluation": seconds}
            write("omniglot_challenge", actual)


def without(root: Path, runs: Path, folder: Path) -> list[str]:
    """Write the background set without the alphabets that one-shot runs show drawings of.

    Args:
        root: holds the background set's zip.
        runs: the zip of one-shot runs.
        folder: where the smaller zip goes, under its usual name.

    Returns:
        The alphabets that are left.
    """
    name = f"{STEMS['background']}.zip"
    with zipfile.ZipFile(runs) as shown:
        known = {_pixels(shown, drawing) for drawing in shown.namelist() if drawing.endswith(".png")}
    with zipfile.ZipFile(root / name) as whole:
        drawings = [drawing for drawing in whole.namelist() if drawing.endswith(".png")]
        judged = {drawing.split("/")[-3] for drawing in drawings if _pixels(whole, drawing) in known}
        left = [drawing for drawing in drawings if drawing.split("/")[-3] not in judged]
        folder.mkdir(parents=True, exist_ok=True)
        with write_aside(folder / name) as aside, zipfile.ZipFile(aside, "w") as generated:
            for drawing in left:
                generated.writestr(drawing, whole.read(drawing))
    return sorted({drawing.split("/")[-3] for drawing in left})


def _pixels(archive: zipfile.ZipFile, name: str) -> str:
    """What tells a drawing from all others, however its file was packed."""
    with archive.open(name) as file:
        return hashlib.sha256(np.asarray(Image.open(file).convert("L")).tobytes()).hexdigest()


if __name__ == "__main__":
    main()
