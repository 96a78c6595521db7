"""Time augmentation of images on one thread, beside albumentations and kornia, in one interleaved run.

    python benchmarks/augment.py --quick
    python benchmarks/augment.py --json results/augment.json

Everybody does the same work on the same uint8 images, each image by its own draws: we and kornia on a batch,
albumentations image by image. In every round each library has its turn, so that a busy machine disturbs all alike. CPU
time of the process is counted, not wall time; printed are medians over rounds, in microseconds an image. What to
install: see `benchmarks/README.md`.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import argparse
import datetime
import importlib.metadata
import json
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from machine import cpu_name
from rich.console import Console
from rich.table import Table

from manyshot.augment import Compose, Sometimes
from manyshot.augment.engine import Compiled, mix_bytes
from manyshot.augment.image import (
    Affine,
    Brightness,
    Contrast,
    Crop,
    Elastic,
    Erase,
    Flip,
    Hue,
    ResizedCrop,
    Saturation,
    StrokeWidth,
)
from manyshot.augment.mix import CutMix, Mixup, partners_of
from manyshot.augment.policies import RandAugment
from manyshot.runtime.memory import keep_freed_memory

SIZES = {"28x28x1": (28, 1), "32x32x3": (32, 3), "84x84x3": (84, 3), "224x224x3": (224, 3)}
IMAGES = {28: 1024, 32: 1024, 84: 256, 224: 48}
"""Images of a batch."""
ALONE = {28: 96, 32: 96, 84: 64, 224: 24}
"""Images that those who take one at a time are timed on."""
FEW = {28: 1024, 32: 1024, 84: 64, 224: 12}
"""Images of a batch for those who would take minutes; a smaller batch stays in the cache, which does them no harm."""
PEERS = ("albumentations", "kornia")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WAYS = 5

JITTER = (Brightness(0.2), Contrast(0.2), Saturation(0.2), Hue(0.05))
OPS = {
    "few-shot standard": Compose((ResizedCrop(0.5), Flip(), *JITTER, Erase(0.2))),
    "few-shot standard, float": Compose((ResizedCrop(0.5), Flip(), *JITTER, Erase(0.2))),
    "affine": Affine(15, 1.2, 0.15, 0.1),
    "flip + crop": Compose((Flip(), Crop(0.125))),
    "color jitter": Compose(JITTER),
    "RandAugment(2)": RandAugment(2, 9),
}
MIXES = {"mixup": Mixup(1.0), "CutMix": CutMix(1.0)}

Work = Callable[[], Any]


@dataclass(frozen=True)
class Contestant:
    """Something to time: what it does, and on how many images."""

    work: Work
    images: int


def ours(pipeline: str, side: int, channels: int) -> dict[str, Contestant]:
    """The engine, and our own ops by torch, one by one."""
    n = IMAGES[side]
    images = torch.from_numpy(random_images(n, side, channels)).permute(0, 3, 1, 2).contiguous()
    stream = torch.Generator().manual_seed(0)
    if pipeline in MIXES:
        mix, labels = MIXES[pipeline], torch.eye(WAYS)[torch.arange(n) % WAYS]

        def mixed() -> Any:
            params = mix.sample(n, stream)
            partners = partners_of(params["partner"], torch.zeros(n, dtype=torch.long))
            return mix_bytes(mix, images, labels, params, partners)

        def mixed_by_torch() -> Any:
            params = mix.sample(n, stream)
            partners = partners_of(params["partner"], torch.zeros(n, dtype=torch.long))
            result, soft = mix.apply(images.float() / 255, labels, params, partners)
            return result.mul(255).round().byte(), soft

        return {"manyshot": Contestant(mixed, n), "manyshot, torch": Contestant(mixed_by_torch, n)}
    op, floats = OPS[pipeline], pipeline.endswith("float")
    mean, std = (MEAN, STD) if channels == 3 else (MEAN[:1], STD[:1])
    fast = Compiled(op, floats=True, mean=mean, std=std) if floats else Compiled(op)
    ops = op.ops if isinstance(op, Compose) else (op,)
    shift, scale = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    few = FEW[side]

    def one_by_one() -> Any:
        result = images[:few].float() / 255
        for single in ops:
            result = single.apply(result, single.sample(few, stream))
        return (result - shift) / scale if floats else result.mul(255).round().byte()

    return {
        "manyshot": Contestant(lambda: fast.apply(images, fast.sample(n, stream)), n),
        "manyshot, torch": Contestant(one_by_one, few),
    }


def albumentations(pipeline: str, side: int, channels: int) -> dict[str, Contestant]:
    """The same by albumentations, image by image; it mixes no batches."""
    import albumentations as A
    import cv2
    from albumentations.pytorch import ToTensorV2

    cv2.setNumThreads(1)
    crop = A.RandomResizedCrop(size=(side, side), scale=(0.5, 1), ratio=(0.75, 1.33), p=1)
    flip = A.HorizontalFlip(p=0.5)
    jitter = A.ColorJitter(brightness=(0.8, 1.2), contrast=(0.8, 1.2), saturation=(0.8, 1.2), hue=(-0.05, 0.05), p=1)
    erase = A.CoarseDropout(
        num_holes_range=(1, 1), hole_height_range=(0.2, 0.5), hole_width_range=(0.2, 0.5), fill=0, p=1
    )
    mean, std = (MEAN, STD) if channels == 3 else (MEAN[:1], STD[:1])
    padding = side // 8
    black = {"border_mode": cv2.BORDER_CONSTANT, "fill": 0}
    moves = [
        A.NoOp(),
        A.Affine(shear={"x": (-5, 5), "y": 0}, p=1, **black),
        A.Affine(shear={"x": 0, "y": (-5, 5)}, p=1, **black),
        A.Affine(translate_percent={"x": (-0.13, 0.13), "y": 0}, p=1, **black),
        A.Affine(translate_percent={"x": 0, "y": (-0.13, 0.13)}, p=1, **black),
        A.Affine(rotate=(-9, 9), p=1, **black),
        A.ColorJitter(brightness=(0.73, 1.27), contrast=(1, 1), saturation=(1, 1), hue=(0, 0), p=1),
        A.ColorJitter(brightness=(1, 1), contrast=(1, 1), saturation=(0.73, 1.27), hue=(0, 0), p=1),
        A.ColorJitter(brightness=(1, 1), contrast=(0.73, 1.27), saturation=(1, 1), hue=(0, 0), p=1),
        A.Sharpen(alpha=(0.1, 0.3), p=1),
        A.Posterize(num_bits=7, p=1),
        A.Solarize(threshold_range=(0.7, 0.7), p=1),
        A.AutoContrast(p=1),
        A.Equalize(p=1),
    ]
    transforms = {
        "few-shot standard": [crop, flip, jitter, erase],
        "few-shot standard, float": [crop, flip, jitter, erase, A.Normalize(mean, std), ToTensorV2()],
        "affine": [
            A.Affine(rotate=(-15, 15), scale=(0.83, 1.2), shear={"x": (-8.5, 8.5), "y": 0},
                     translate_percent=(-0.05, 0.05), p=1, **black)
        ],
        "flip + crop": [
            flip,
            A.PadIfNeeded(side + 2 * padding, side + 2 * padding, p=1, **black),
            A.RandomCrop(side, side, p=1),
        ],
        "color jitter": [jitter],
        "RandAugment(2)": [A.SomeOf(moves, n=2, replace=True, p=1)],
    }  # fmt: skip
    if pipeline not in transforms:
        return {}
    both = A.Compose(transforms[pipeline], seed=0)
    images = random_images(ALONE[side], side, channels)
    return {"albumentations": Contestant(lambda: [both(image=image)["image"] for image in images], len(images))}


def kornia(pipeline: str, side: int, channels: int) -> dict[str, Contestant]:
    """The same by kornia on a batch. Its colors want three channels; its RandAugment draws once a batch."""
    import kornia.augmentation as K

    n = FEW[side]
    images = torch.from_numpy(random_images(n, side, channels)).permute(0, 3, 1, 2).contiguous()
    crop = K.RandomResizedCrop((side, side), scale=(0.5, 1.0), ratio=(0.75, 1.33), p=1.0)
    flip = K.RandomHorizontalFlip(p=0.5)
    jitter = K.ColorJiggle(0.2, 0.2, 0.2, 0.05, p=1.0)
    erase = K.RandomErasing(scale=(0.02, 0.2), ratio=(1 / 3, 3), p=1.0)
    padding = side // 8
    mean, std = (MEAN, STD) if channels == 3 else (MEAN[:1], STD[:1])
    transforms = {
        "few-shot standard": [crop, flip, jitter, erase],
        "few-shot standard, float": [
            crop, flip, jitter, erase, K.Normalize(mean=torch.tensor(mean), std=torch.tensor(std))
        ],
        "affine": [
            K.RandomAffine(15.0, translate=(0.05, 0.05), scale=(0.83, 1.2), shear=(-8.5, 8.5), p=1.0)
        ],
        "flip + crop": [flip, K.RandomCrop((side, side), padding=padding, p=1.0)],
        "color jitter": [jitter],
        "mixup": [K.RandomMixUpV2(p=1.0, data_keys=["input", "class"])],
        "CutMix": [K.RandomCutMixV2(p=1.0, data_keys=["input", "class"])],
    }  # fmt: skip
    if pipeline not in transforms or (channels == 1 and jitter in transforms[pipeline]):
        return {}
    both = torch.nn.Sequential(*transforms[pipeline])
    floats = pipeline.endswith("float")
    labels = torch.arange(n) % WAYS

    def work() -> Any:
        batch = images.float() / 255
        if pipeline in MIXES:
            mixed, pairs = both[0](batch, labels)
            return mixed.mul(255).round().byte(), pairs
        result = both(batch)
        return result if floats else result.clamp(0, 1).mul(255).round().byte()

    return {"kornia": Contestant(work, n)}


def random_images(n: int, side: int, channels: int) -> np.ndarray:
    """Busy pictures `[n, h, w, c]` with smooth parts."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (n, side // 4, side // 4, channels)).repeat(4, 1).repeat(4, 2)
    return (0.75 * coarse + rng.integers(0, 64, (n, side, side, channels))).astype(np.uint8)


def contestants(pipeline: str, side: int, channels: int) -> dict[str, Contestant]:
    """Who can do this work here."""
    result = ours(pipeline, side, channels)
    for make in (albumentations, kornia):
        try:
            result |= make(pipeline, side, channels)
        except ImportError:
            continue
    return result


def measure(entrants: dict[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU time an image, a round; the first call, which compiles and caches, is not counted."""
    times: dict[str, list[float]] = {name: [] for name in entrants}
    for entrant in entrants.values():
        entrant.work()
    for number in range(rounds):
        names = list(entrants)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            entrants[name].work()  # so that nobody pays for the cache and the memory that the one before left behind
            start = time.process_time()
            entrants[name].work()
            times[name].append((time.process_time() - start) / entrants[name].images * 1e6)
    return times


def besides(rounds: int) -> dict[str, Any]:
    """What two threads gain, how far a copy of the same bytes is, the cold start, and the preset for handwriting."""
    result = {size: _copy_and_threads(side, channels, rounds) for size, (side, channels) in SIZES.items()}
    handwriting = Compose((Affine(10, 1.2, 0.2, 0.1), Elastic(0.07), Sometimes(StrokeWidth(0.7), 0.5)))
    images = torch.from_numpy(random_images(1024, 28, 1)).permute(0, 3, 1, 2).contiguous()
    fast, stream = Compiled(handwriting), torch.Generator().manual_seed(0)
    seconds = _seconds(lambda: fast.apply(images, fast.sample(1024, stream)), time.process_time, rounds)
    return {
        "microseconds_of_a_copy": {size: copy for size, (copy, _) in result.items()},
        "two_threads": {size: gain for size, (_, gain) in result.items()},
        "microseconds_of_the_handwriting_preset_at_28": median(seconds) / 1024 * 1e6,
        "cold_start_in_seconds_of_cpu_time": _cold_start(),
    }


def _copy_and_threads(side: int, channels: int, rounds: int) -> tuple[float, float]:
    """Microseconds that a copy of an image takes, and how many times as fast two threads are, by the wall clock."""
    op, n = OPS["few-shot standard"], 4 * IMAGES[side]
    images = torch.from_numpy(random_images(n, side, channels)).permute(0, 3, 1, 2).contiguous()
    params = op.sample(n, torch.Generator().manual_seed(0))
    target = np.empty(images.shape, np.uint8)

    def took(threads: int) -> float:
        fast = Compiled(op, threads=threads)
        return median(_seconds(lambda: fast.apply(images, params), time.perf_counter, rounds))

    copies = _seconds(lambda: np.copyto(target, images.numpy()), time.process_time, rounds)
    return min(copies) / n * 1e6, took(1) / took(2)


def _seconds(work: Work, clock: Callable[[], float], rounds: int) -> list[float]:
    """Seconds of each of so many turns, after one that does not count."""
    work()
    result = []
    for _ in range(rounds):
        start = clock()
        work()
        result.append(clock() - start)
    return result


def _cold_start() -> float:
    """Seconds of CPU time of the first batch on a machine that has no kernels yet, in a process of its own."""
    code = (
        "import time, torch; from manyshot.augment import Compose; from manyshot.augment.engine import Compiled;"
        "from manyshot.augment.image import *;"
        "fast = Compiled(Compose((ResizedCrop(), Flip(), Brightness(), Contrast(), Erase())));"
        "images = torch.zeros(4, 3, 32, 32, dtype=torch.uint8); start = time.process_time();"
        "fast.apply(images, fast.sample(4, torch.Generator())); print(time.process_time() - start)"
    )
    with tempfile.TemporaryDirectory() as folder:
        cold = os.environ | {"NUMBA_CACHE_DIR": folder}
        return float(subprocess.run([sys.executable, "-c", code], env=cold, capture_output=True, check=True).stdout)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds: within two minutes")
    parser.add_argument("--rounds", type=int, help="turns of each library (3 with --quick, else 15)")
    parser.add_argument("--only", default="", help="pipelines whose name holds this")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    keep_freed_memory()  # for all alike: else whoever comes after a large batch pays for new pages
    rounds = options.rounds or (3 if options.quick else 15)
    start = time.time()
    rows: list[dict[str, Any]] = []
    ratios: dict[str, dict[str, float]] = {}
    for pipeline in [*OPS, *MIXES]:
        if options.only not in pipeline:
            continue
        for size, (side, channels) in SIZES.items():
            times = measure(contestants(pipeline, side, channels), rounds)
            result = {name: median(values) for name, values in times.items()}
            rows.append({"pipeline": pipeline, "size": size, "microseconds": result})
            peers = [result[name] for name in PEERS if name in result]
            if peers:
                ratios.setdefault(pipeline, {})[size] = min(peers) / result["manyshot"]
    more = {} if options.only else besides(rounds)
    _print(rows, ratios, time.time() - start)
    Console(width=130).print(more)
    if options.json:
        about = {
            "command": "python benchmarks/augment.py" + (" --quick" if options.quick else ""),
            "date": datetime.date.today().isoformat(),
            "rounds": rounds,
            "python": platform.python_version(),
            "versions": {
                name: _version(name) for name in ("torch", "numba", "numpy", "opencv-python-headless", *PEERS)
            },
            "processor": cpu_name(),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps({"ratios": ratios, "rows": rows, "besides": more, "about": about}, indent=1) + "\n"
        )


def _print(rows: list[dict[str, Any]], ratios: dict[str, dict[str, float]], seconds: float) -> None:
    names = ["manyshot", *PEERS, "manyshot, torch"]
    table = Table(
        "pipeline", "size", *names, "fastest peer / ours", title="microseconds of CPU time an image, one thread"
    )
    for row in rows:
        result = row["microseconds"]
        ratio = ratios.get(row["pipeline"], {}).get(row["size"])
        cells = [f"{result[name]:.1f}" if name in result else "-" for name in names]
        table.add_row(row["pipeline"], row["size"], *cells, "-" if ratio is None else f"{ratio:.1f}")
    console = Console(width=130)
    console.print(table)
    console.print(f"{seconds:.0f} s")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
