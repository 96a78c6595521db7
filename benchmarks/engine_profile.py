"""Where the engine's time goes in the pipelines that are least ahead of the other libraries.

    python benchmarks/engine_profile.py --json results/engine_profile.json

Microseconds of CPU time an image on one thread, the fastest of the rounds, each part as the difference between two
pipelines of which one has a step more. What does not depend on the pixels (draws, matrices, calls of kernels) is timed
on images of 4 x 4. All is interleaved in rounds, so that a busy machine disturbs all parts alike.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from augment import IMAGES, JITTER, MEAN, OPS, STD, random_images
from machine import cpu_name
from output import print_table
from rich.table import Table

from manyshot.augment import Compose
from manyshot.augment.engine import Compiled
from manyshot.augment.image import Erase, Flip, ResizedCrop
from manyshot.base import write_json

TINY = 4
STEPS = {
    "crop and flip": Compose((ResizedCrop(0.5), Flip())),
    "four changes of color": Compose((ResizedCrop(0.5), Flip(), *JITTER)),
    "erasing": Compose((ResizedCrop(0.5), Flip(), *JITTER, Erase(0.2))),
}
"""The few-shot standard pipeline, a step more each time."""
Work = Callable[[], Any]


def batch(side: int, channels: int) -> torch.Tensor:
    """So many images as the benchmark takes."""
    return torch.from_numpy(random_images(IMAGES[side], side, channels)).permute(0, 3, 1, 2).contiguous()


def applied(op: Any, images: torch.Tensor, floats: bool = False) -> Work:
    """Draw and apply."""
    stream, n = torch.Generator().manual_seed(0), len(images)
    fast = Compiled(op, floats=True, mean=MEAN, std=STD) if floats else Compiled(op)
    return lambda: fast.apply(images, fast.sample(n, stream))


def works(side: int, channels: int, op: Any, floats: bool) -> dict[str, Work]:
    """What every case has: draws alone, tiny images, all of it, and a copy of what is read and written."""
    images, stream = batch(side, channels), torch.Generator().manual_seed(0)
    n = len(images)
    tiny = images[:, :, :TINY, :TINY].contiguous()
    target = np.empty(images.shape, np.float32 if floats else np.uint8)
    return {
        "draws": lambda: op.sample(n, stream),
        "tiny": applied(op, tiny, floats),
        "copy": lambda: np.copyto(target, images.numpy()),
        "all": applied(op, images, floats),
    }


def fastest(jobs: dict[str, Work], n: int, rounds: int) -> dict[str, float]:
    """Microseconds an image of the fastest turn of each."""
    found = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, work in jobs.items():
            work()
            start = time.process_time()
            work()
            found[name] = min(found[name], (time.process_time() - start) / n * 1e6)
    return found


def standard_in_floats(side: int, rounds: int) -> dict[str, float]:
    """Parts of the few-shot standard pipeline with float results."""
    images = batch(side, 3)
    jobs = works(side, 3, OPS["few-shot standard, float"], floats=True)
    jobs |= {name: applied(op, images) for name, op in STEPS.items()}
    took = fastest(jobs, len(images), rounds)
    parts, before = fixed(took), took["tiny"]
    for name in STEPS:
        parts[name] = took[name] - before
        before = took[name]
    return parts | {"normalized floats": took["all"] - before} | ends(took)


def at_once(pipeline: str, side: int, channels: int, rounds: int) -> dict[str, float]:
    """Parts of a pipeline whose pixels are one step."""
    took = fastest(works(side, channels, OPS[pipeline], floats=False), IMAGES[side], rounds)
    return fixed(took) | {"pixels": took["all"] - took["tiny"]} | ends(took)


def fixed(took: dict[str, float]) -> dict[str, float]:
    """What does not depend on the pixels."""
    return {"draws": took["draws"], "matrices and calls": took["tiny"] - took["draws"]}


def ends(took: dict[str, float]) -> dict[str, float]:
    """The sum, and the floor."""
    return {"all": took["all"], "copy": took["copy"]}


def two_threads(side: int, rounds: int) -> dict[str, float]:
    """What two threads can gain at most, since draws and matrices are made by one."""
    took = fastest(works(side, 1 if side == 28 else 3, OPS["few-shot standard"], floats=False), IMAGES[side], rounds)
    alone = (took["tiny"] - took["draws"]) / (took["all"] - took["draws"])
    return {"part that one thread does": alone, "most that two can gain": 1 / (alone + (1 - alone) / 2)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds = options.rounds
    cases = {
        "few-shot standard, float, 32x32x3": standard_in_floats(32, rounds),
        "few-shot standard, float, 84x84x3": standard_in_floats(84, rounds),
        "affine, 28x28x1": at_once("affine", 28, 1, rounds),
        "RandAugment(2), 84x84x3": at_once("RandAugment(2)", 84, 3, rounds),
    }
    threads = {"28x28x1": two_threads(28, rounds), "32x32x3": two_threads(32, rounds)}
    show(cases, threads)
    if options.json:
        machine = {"processor": cpu_name(), "cores": os.cpu_count(), "rounds": rounds, "load": os.getloadavg()[0]}
        write_json(options.json, {"machine": machine, "microseconds": cases, "two_threads": threads})


def show(cases: dict[str, dict[str, float]], threads: dict[str, dict[str, float]]) -> None:
    """Print the tables."""
    table = Table("case", "part", "microseconds an image")
    rows: Sequence[tuple[str, str, float]] = [(c, p, us) for c, parts in cases.items() for p, us in parts.items()]
    for case, part, microseconds in rows:
        table.add_row(case, part, f"{microseconds:.2f}")
    print_table(table, {size: str(one) for size, one in threads.items()})


if __name__ == "__main__":
    main()
