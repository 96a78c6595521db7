"""What `fit` and `predict` cost: CPU seconds, memory, how right the announced time was, and where `predict` spends it.

    python benchmarks/fit_cost.py --root DATA --work FOLDER --threads 2

Photographs of CIFAR-FS (`DATA/cifar_fs/images.zip`), enlarged to 640 x 480 pixels, stand for a user's: they take as
long to decode and encode as others. Every command runs in a process of its own with an empty cache, but for the
second fit. The time of the encoder alone is that of its calls on the same views in memory, after reading, decoding
and changing them. Writes results/fit_cost.json.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from machine import cpu_name
from run_and_record import RESULTS, write

SIZE = (640, 480)
FITS = {"20 photographs": (4, 5), "200 photographs": (10, 20)}
"""Classes, and photographs of each, that are fitted to."""
NEW = {"none": 1000, "learned": 200}
"""Photographs that are predicted, by the augmentation of the fit: with views, each takes five passes."""
MANY, EACH_OF_MANY, SMALL = 10_000, 200, (64, 64)
"""Pictures of a big folder, how many of each class, and their size."""
ENCODER = "efficientnet-lite0"
"""The encoder of what is predicted, so that its time is known without what is chosen."""


def write_photographs(root: Path, folder: Path, classes: int, each: int, first: int, size: tuple[int, int]) -> None:
    """Write a folder of photographs per class, enlarged.

    Args:
        root: Folder that holds the data sets.
        folder: Where to write; left alone if it exists.
        classes: Number of classes.
        each: Photographs of each class.
        first: Number of the first of them, within its class.
        size: Width and height in pixels.
    """
    if folder.exists():
        return
    with zipfile.ZipFile(root / "cifar_fs" / "images.zip") as archive:
        by_class: dict[str, list[str]] = {}
        for name in archive.namelist():
            if match := re.search(r"(train|val|test)/([^/]+)/[^/]+\.png$", name):
                by_class.setdefault(match.group(2), []).append(name)
        for label, names in sorted(by_class.items())[:classes]:
            (folder / label).mkdir(parents=True)
            for number, name in enumerate(sorted(names)[first : first + each]):
                picture = (
                    Image.open(io.BytesIO(archive.read(name))).convert("RGB").resize(size, Image.Resampling.BICUBIC)
                )
                picture.save(folder / label / f"{number}.jpg", quality=90)


def run(words: list[str], cache: Path, threads: int) -> dict[str, Any]:
    """Run a command in a process of its own: CPU and wall seconds, peak memory, and what it printed."""
    variables = {**os.environ, "MANYSHOT_CACHE": str(cache), "OMP_NUM_THREADS": str(threads)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # users have what Python compiled
    start = time.monotonic()
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True, env=variables) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}: exit status {process.returncode}")
    return {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "wall_seconds": round(time.monotonic() - start, 2),
        "peak_mib": round(used.ru_maxrss / 1024),
        "printed": printed,
    }


def manyshot(words: list[str], cache: Path, threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a command of ours: what it cost, and the JSON that it printed."""
    cost = run(["-m", "manyshot", *words, "--json"], cache, threads)
    return cost, json.loads(cost.pop("printed"))


def measure_fit(data: Path, work: Path, cache: Path, threads: int) -> dict[str, Any]:
    """Fit with an empty cache, then once more with what it left there."""
    result: dict[str, Any] = {}
    for name in ("first", "second"):
        cost, answer = manyshot(["fit", str(data), "--out", str(work / "model"), "--overwrite"], cache, threads)
        result[name] = cost | {key: round(answer[key], 2) for key in ("seconds", "estimate")}
        result["chosen"], result["considered"] = answer["chosen"], answer["considered"]
    return result


def measure_predict(model: Path, data: Path, work: Path, cache: Path, threads: int) -> dict[str, Any]:
    """Predict with an empty cache; then the time of the encoders alone on the same views."""
    cost, _ = manyshot(
        ["predict", str(model), str(data), "--out", str(work / "answers.csv"), "--overwrite"], cache, threads
    )
    alone = json.loads(run([__file__, "--alone", str(model), str(data)], cache, threads)["printed"])
    over = cost["cpu_seconds"] / alone["encoders"] - 1
    return cost | {"encoders_alone": alone, "more_than_encoders": round(over, 4)}


def time_alone(model_at: str, data: str) -> None:
    """Print CPU seconds of a start, of reading, decoding and changing pictures, and of the encoders alone."""
    began = time.process_time()
    from manyshot.classify import load_examples, load_model
    from manyshot.classify.encode import encode_examples as parts
    from manyshot.classify.encode.frozen_encoders import load_encoder

    model = load_model(Path(model_at))
    examples = load_examples(Path(data))
    encoders = [load_encoder(name) for name in model.encoders]
    seconds = {"start": time.process_time() - began, "views": 0.0, "encoders": 0.0}
    for encoder in encoders:
        for plan, copies in ((None, 1), *model.views):
            places = np.arange(len(examples) * copies)
            for batch in np.split(places, range(parts.BATCH, len(places), parts.BATCH)):
                began = time.process_time()
                views = parts._items(examples, batch // copies, batch % copies, plan, 0, encoder.resolution)
                ready = time.process_time()
                encoder(views)
                seconds["views"] += ready - began
                seconds["encoders"] += time.process_time() - ready
    print(json.dumps({key: round(value, 2) for key, value in seconds.items()} | {"views_of_each": model.view_count}))


def main() -> None:
    """Measure what was asked for, and add it to what the file holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--work", type=Path, help="a folder for photographs, models and caches")
    parser.add_argument("--threads", type=int, default=2, help="threads of each command")
    parser.add_argument("--parts", default="fits,predict,many", help="what is measured, with commas between")
    parser.add_argument("--alone", nargs=2, metavar=("MODEL", "DATA"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        time_alone(*options.alone)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    work, threads, parts = options.work, options.threads, options.parts.split(",")
    file = RESULTS / "fit_cost.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    measured: dict[str, Any] = {}
    if "fits" in parts:
        for name, (classes, each) in FITS.items():
            data = work / name.replace(" ", "_")
            write_photographs(options.root, data, classes, each, 0, SIZE)
            measured[f"fit to {name}"] = measure_fit(data, work, data.with_suffix(".cache"), threads)
    if "predict" in parts:
        classes, each = FITS["200 photographs"]
        known = work / "200_photographs"
        write_photographs(options.root, known, classes, each, 0, SIZE)
        for plan, count in NEW.items():
            new = work / f"new_{count}"
            write_photographs(options.root, new, classes, count // classes, each, SIZE)
            words = ["fit", str(known), "--out", str(work / plan), "--overwrite", "--plan", plan, "--encoder", ENCODER]
            manyshot(words, work / "known.cache", threads)
            cache = work / f"new_{plan}.cache"
            name = f"predict {count:,} photographs, {ENCODER}, augmentation {plan}"
            measured[name] = measure_predict(work / plan, new, work, cache, threads)
    if "many" in parts:
        data = work / "many"
        write_photographs(options.root, data, MANY // EACH_OF_MANY, EACH_OF_MANY, 0, SMALL)
        cache = work / "many.cache"
        cost, answer = manyshot(["fit", str(data), "--out", str(work / "big"), "--overwrite"], cache, threads)
        measured[f"fit to {MANY:,} small pictures"] = cost | {
            key: answer[key] for key in ("seconds", "estimate", "chosen", "considered", "accuracy")
        }
        words = ["predict", str(work / "big"), str(data), "--out", str(work / "answers.csv"), "--overwrite"]
        measured[f"predict {MANY:,} small pictures"], _ = manyshot(words, cache, threads)
    for name, row in measured.items():
        print(name, json.dumps(row))
    write(
        "fit_cost",
        {**found, "measured": found.get("measured", {}) | measured, "cpu": cpu_name(), "of_commands": threads},
    )


if __name__ == "__main__":
    main()
