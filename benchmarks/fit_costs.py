"""What `manyshot fit` and `manyshot predict` cost: CPU seconds and peak memory, each command in a process of its own.

Photographs are those of CIFAR-FS, as JPEGs of 800 x 600 pixels, 10 classes of 2 and of 20 each. A fit with an empty
cache is `cold`, the same again `warm`. `predict` of a model of EfficientNet-Lite0 without augmentation stands beside a
process that encodes the same new pictures and does nothing else. Writes results/fit_costs.json.

    python benchmarks/fit_costs.py --root DATA
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from few_example_sets import from_zip
from machine import cpu_name
from PIL import Image
from run_and_record import write

CLASSES, SIZE = 10, (800, 600)
ENCODE = """
import sys
from manyshot.classify import load_examples
from manyshot.classify.features import encode_examples
encode_examples("efficientnet-lite0", load_examples(sys.argv[1]))
"""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=Path, help="the folder that holds cifar_fs/")
    parser.add_argument("--examples", type=int, nargs="+", default=[20, 200], help="examples that are fitted to")
    parser.add_argument("--new", type=int, default=1000, help="new pictures that are predicted")
    options = parser.parse_args()
    found: dict[str, Any] = {"cpu": cpu_name(), "fit": {}}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for count in options.examples:
            found["fit"][str(count)] = measure_fit(options.root, place, count)
            write("fit_costs", found)
        found["predict"] = measure_predict(options.root, place, options.new)
    write("fit_costs", found)
    print(json.dumps(found, indent=1))


def measure_fit(root: Path, place: Path, count: int) -> dict[str, Any]:
    """A fit with an empty cache, and another with what the first one left there."""
    data = save_photographs(root, place / f"photos{count}", count // CLASSES)
    arguments = ["fit", str(data), "--out", str(place / f"model{count}"), "--json", "--overwrite"]
    result = {}
    for name in ("cold", "warm"):
        costs, answer = run_command([sys.executable, "-m", "manyshot", *arguments], place / f"cache{count}")
        report = json.loads(answer)
        result[name] = {**costs, **{key: report[key] for key in ("estimate", "considered", "left_out", "chosen")}}
        print(count, name, costs, flush=True)
    return result


def measure_predict(root: Path, place: Path, count: int) -> dict[str, Any]:
    """Predictions for new pictures, and the encoder alone on them."""
    known = save_photographs(root, place / "known", 2)
    model, new = place / "plain", save_photographs(root, place / "new", count // CLASSES, first=2)
    command = [sys.executable, "-m", "manyshot"]
    plain = ["--encoder", "efficientnet-lite0", "--plan", "none", "--names", "none", "--json"]
    run_command([*command, "fit", str(known), "--out", str(model), *plain], place / "cache")
    answers = ["--out", str(place / "answers.csv"), "--json"]
    predict, _ = run_command([*command, "predict", str(model), str(new), *answers], place / "predict_cache")
    encode, _ = run_command([sys.executable, "-c", ENCODE, str(new)], place / "encode_cache")
    return {"pictures": count, "predict": predict, "encoder_alone": encode}


def save_photographs(root: Path, folder: Path, each: int, first: int = 0) -> Path:
    """Save so many photographs of each class as JPEGs."""
    examples = from_zip(root / "cifar_fs/images.zip", r"val/([^/]+)/.*png$", first + each, CLASSES)
    seen = dict.fromkeys(range(CLASSES), 0)
    for picture, label in zip(examples.items, examples.labels.tolist(), strict=True):
        seen[label] += 1
        if seen[label] > first:
            assert isinstance(picture, Image.Image)
            path = folder / examples.class_names[label] / f"{seen[label]}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


def run_command(command: list[str], cache: Path) -> tuple[dict[str, float], str]:
    """CPU seconds (user and system) and peak memory in MB of a command, and what it printed."""
    environment = {**os.environ, "MANYSHOT_CACHE": str(cache)}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed")
        output.seek(0)
        costs = {"cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1), "memory_mb": round(usage.ru_maxrss / 1024)}
        return costs, output.read()


if __name__ == "__main__":
    main()
