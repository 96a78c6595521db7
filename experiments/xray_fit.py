"""`manyshot fit` on chest X-rays of 5 and of 20 patients a class, tested on X-rays of other patients.

Healthy lungs or pneumonia. One X-ray of each patient is learned from; 75 X-rays a class of patients that are never
learned from are the test, the same for every draw. Beside what `fit` chooses by itself stands the same without
augmentation, and without mirrored pictures. Writes results/xray_fit.json after each draw; each fit is kept in `--runs`
as it ends.

    python experiments/xray_fit.py --root DATA --runs runs/xray
"""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
from patient_leak import GROUP_BY
from run_and_record import answer, parse_options, write

from manyshot.datasets.group_names import match_groups

CLASSES = {"normal": "normal", "bacteria": "pneumonia", "virus": "pneumonia"}
PATIENTS, DRAWS, TEST = (5, 20), 3, 75
PLANS, BUDGET = {"auto": "--plan auto", "auto, no mirror": "--no-mirror", "none": "--plan none"}, 60


def ordered(files: list[str], words: object) -> list[str]:
    """Files in an order that the words draw."""
    return sorted(files, key=lambda file: hashlib.sha256(f"{words} {file}".encode()).hexdigest())


def one_of_each(files: list[str], where: Path) -> dict[str, str]:
    """The first X-ray of each patient."""
    found: dict[str, str] = {}
    for file, patient in zip(files, match_groups(files, GROUP_BY, str(where)), strict=True):
        found.setdefault(patient, file)
    return found


def folders(root: Path, runs: Path, tiny: bool) -> dict[str, Path]:
    """The X-rays to learn from by draw and number of patients, and those to test on."""
    archive = root / "chest_xray" / "images.zip"
    test = {}
    with zipfile.ZipFile(archive) as opened:
        files = sorted(name for name in opened.namelist() if name.endswith(".jpeg"))
        by_class: dict[str, list[str]] = {}
        for file in one_of_each(files, archive).values():
            by_class.setdefault(CLASSES[file.split("/")[-2]], []).append(file)
        chosen: dict[str, list[tuple[str, str]]] = {}
        for name, group in by_class.items():
            first, rest = np.split(np.array(ordered(group, "test")), [20 if tiny else TEST])
            chosen.setdefault("test", []).extend((name, file) for file in first)
            for draw in range(DRAWS):
                for count in PATIENTS:
                    some = ordered(list(rest), draw)[:count]
                    chosen.setdefault(f"{count}-{draw}", []).extend((name, file) for file in some)
        for part, rows in chosen.items():
            test[part] = runs / part
            shutil.rmtree(test[part], ignore_errors=True)
            for name, file in rows:
                target = test[part] / name / Path(file).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(opened.read(file))
    return test


def fitted(part: str, plan: str, paths: dict[str, Path], runs: Path, tiny: bool) -> dict:
    """What `fit` says of a model and what it is worth on the test; kept once it is there."""
    name = f"{part}-{plan.replace(', ', '-').replace(' ', '-')}"
    kept = runs / f"{name}.json"
    if not kept.exists():
        model = runs / f"model-{name}"
        by = f"--group-by '{GROUP_BY}'"
        search = f"{PLANS[plan]} --budget {5 if tiny else BUDGET} --overwrite --report {runs / f'{name}.html'}"
        fit = answer(f"manyshot fit {paths[part]} --out {model} {by} {search}")
        test = answer(f"manyshot evaluate {model} {paths['test']} {by} --report {runs / f'{name}-test.html'}")
        kept.write_text(json.dumps({"fit": fit, "test": test}))
    return json.loads(kept.read_text())


def shortened(found: dict) -> dict:
    """What the results keep of a fit and of its test."""
    fit, test = found["fit"], found["test"]
    measures = ("accuracy", "interval", "auroc", "auroc_interval", "brier", "brier_interval")
    stated = {name: fit["measures"][name] for name in measures[2:]}
    return {
        "fit": {name: fit[name] for name in ("chosen", "accuracy", "interval")} | stated,
        "test": {name: test[name] for name in measures},
    }


def main() -> None:
    """Draw, fit, evaluate, write."""
    options = parse_options(__doc__, "chest_xray/", "runs/xray", "the models and their pages")
    options.runs.mkdir(parents=True, exist_ok=True)
    paths = folders(Path(options.root), options.runs, options.tiny)
    rows = []
    for draw in range(1 if options.tiny else DRAWS):
        for patients in PATIENTS:
            for plan in PLANS:
                found = fitted(f"{patients}-{draw}", plan, paths, options.runs, options.tiny)
                rows.append({"patients": patients, "draw": draw, "plan": plan, **shortened(found)})
                print(patients, draw, plan, json.dumps(found)[:600], flush=True)
        if not options.tiny:
            write("xray_fit", {"budget": BUDGET, "test": TEST, "draws": draw + 1, "rows": rows})


if __name__ == "__main__":
    main()
