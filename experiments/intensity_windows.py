"""What a window is worth: pictures of 12 bits that are stored as 16, seen through three windows.

    python experiments/intensity_windows.py --root DATA --json results/windows.json

MedNIST pictures become scans of 12 bits (level 16 v of 65535), as many scanners store them, then 8 bits again through
the window. `8 bits` is the original. Frozen EfficientNet-Lite0 at 96 pixels, prototypes, the same 6-way tasks for all.
"""

import argparse
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from manyshot.base import write_json
from manyshot.datasets.image_folder import load_folder
from manyshot.datasets.window import parse_window
from manyshot.learners import Prototypes
from manyshot.nets import ENCODERS
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.encode_source import encode
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.seed_intervals import mean_interval

WINDOWS = ("full", "minmax", "percentile(0.5, 99.5)")
SHOTS = (1, 5)


def seen(source: Source, window: str | None) -> Source:
    """The pictures through a window, after they were stored with 12 of 16 bits; None for the originals."""
    pixels = source.gather(range(len(source))).numpy()
    if window is not None:
        scans = pixels.astype(np.uint16) * 16
        shown = [parse_window(window).apply(scan, "scan") for scan in scans]
        pixels = np.rint(np.stack(shown) * 255).astype(np.uint8)
    store = torch.from_numpy(pixels)
    return replace(source, store=store, rows=np.arange(len(store)))


def main() -> None:
    """Encode, evaluate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder with mednist/images.zip")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--each", type=int, default=60, help="pictures of each class")
    parser.add_argument("--quick", action="store_true", help="12 pictures of each class, few tasks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(options.root / "mednist" / "images.zip") as archive:
            archive.extractall(folder)
        source = load_folder(Path(folder), size=64, color=True)
    each = 12 if options.quick else options.each
    place = np.arange(len(source)) - np.repeat(source.starts[:-1], source.counts)
    source = source.subset(items=place < each)
    encoder = ENCODERS.build("efficientnet-lite0(resolution=96)", channels=3)
    features, levels = {}, {}
    for window in (None, *WINDOWS):
        pictures = seen(source, window)
        name = window or "8 bits"
        levels[name] = float(np.median([len(np.unique(picture)) for picture in pictures.store.numpy()]))
        features[name] = encode(encoder, pictures)
    results = {}
    for shots in SHOTS:
        tasks = 20 if options.quick else 300
        scores = {
            name: evaluate_tasks(Prototypes(nn.Flatten()), EpisodeSampler(one, 6, shots, 5, seed=0), tasks).accuracy
            for name, one in features.items()
        }
        for name, accuracy in scores.items():
            low, high = mean_interval(accuracy - scores["8 bits"], -1, 1)
            gap = float((accuracy - scores["8 bits"]).mean())
            results[f"{name}, {shots} shots"] = {
                "accuracy": float(accuracy.mean()), "less_8_bits": gap, "interval": [low, high], "levels": levels[name],
            }  # fmt: skip
            beside = f"{levels[name]:.0f} levels, beside 8 bits {100 * gap:+.1f} points"
            print(f"{name}, {shots} shots: {accuracy.mean():.1%}, {beside}")
    if options.json:
        write_json(options.json, {"about": {"pictures": len(source), "tasks": tasks}, "results": results})


if __name__ == "__main__":
    main()
