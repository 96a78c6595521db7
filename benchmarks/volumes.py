"""CPU seconds to augment a volume, beside TorchIO, MONAI and batchgeneratorsv2 where they can be imported.

    python benchmarks/volumes.py --quick
    python benchmarks/volumes.py --json results/volumes.json

One float32 volume of one channel at a time, one thread, each call with a new draw. Libraries take turns; a row is the
median of the CPU time of its calls. Affine and elastic act together, as in all presets of these libraries: in ours they
are one resampling. Memory is what a process of its own grew by at most over three calls.
"""

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from machine import cpu_name

from manyshot import ops
from manyshot.base import write_json

Call = Callable[[], object]
SIDES = (48, 128)
PEERS = ("torchio", "monai", "batchgeneratorsv2")


def volume(side: int) -> torch.Tensor:
    """A smooth body with noise, values from 0 to 1."""
    axes = torch.meshgrid(*[torch.linspace(-1, 1, side)] * 3, indexing="ij")
    body = (1 - sum(axis**2 for axis in axes)).clamp(0, 1)
    return (body * 0.8 + 0.2 * torch.rand(body.shape, generator=torch.Generator().manual_seed(0)))[None]


def manyshot_calls(values: torch.Tensor) -> dict[str, Call]:
    """Our ops."""
    generator = torch.Generator().manual_seed(0)
    made = {
        "affine": ops.Affine3(),
        "elastic": ops.Elastic3(),
        "affine + elastic": ops.Compose((ops.Affine3(), ops.Elastic3())),
        "bias field": ops.BiasField3(),
        "ghosting": ops.Ghosting3(),
        "motion": ops.Motion3(),
    }
    return {name: partial(op, values[None], generator) for name, op in made.items()}


def torchio_calls(values: torch.Tensor) -> dict[str, Call]:
    """TorchIO: RandomElasticDeformation with its 7 control points a side, RandomMotion with its 2 transforms."""
    tio = importlib.import_module("torchio")
    affine = tio.RandomAffine(scales=(0.9, 1.1), degrees=10, translation=3)
    elastic = tio.RandomElasticDeformation(num_control_points=7, max_displacement=values.shape[1] * 0.04)
    made = {
        "affine": affine,
        "elastic": elastic,
        "affine + elastic": tio.Compose([affine, elastic]),
        "bias field": tio.RandomBiasField(),
        "ghosting": tio.RandomGhosting(),
        "motion": tio.RandomMotion(),
    }
    return {name: partial(transform, values) for name, transform in made.items()}


def monai_calls(values: torch.Tensor) -> dict[str, Call]:
    """MONAI: Rand3DElastic with a rotation and a scale is both in one; it has no ghosting or motion."""
    transforms = importlib.import_module("monai.transforms")
    turn, scale = (0.17, 0.17, 0.17), (0.1, 0.1, 0.1)
    smooth = {"sigma_range": (5, 7), "magnitude_range": (50, 100), "prob": 1, "padding_mode": "zeros"}
    made = {
        "affine": transforms.RandAffine(prob=1, rotate_range=turn, scale_range=scale, padding_mode="zeros"),
        "elastic": transforms.Rand3DElastic(**smooth),
        "affine + elastic": transforms.Rand3DElastic(**smooth, rotate_range=turn, scale_range=scale),
        "bias field": transforms.RandBiasField(prob=1),
    }
    return {name: partial(transform, values) for name, transform in made.items()}


def batchgenerators_calls(values: torch.Tensor) -> dict[str, Call]:
    """batchgeneratorsv2: one SpatialTransform does either or both."""
    module = importlib.import_module("batchgeneratorsv2.transforms.spatial.spatial")
    size = tuple(values.shape[1:])

    def call(turned: float, bent: float) -> Call:
        transform = module.SpatialTransform(
            patch_size=size,
            patch_center_dist_from_border=0,
            random_crop=False,
            p_elastic_deform=bent,
            p_rotation=turned,
            rotation=(-0.17, 0.17),
            p_scaling=turned,
            scaling=(0.9, 1.1),
        )
        return lambda: transform(image=values)

    return {"affine": call(1, 0), "elastic": call(0, 1), "affine + elastic": call(1, 1)}


LIBRARIES = {
    "manyshot": manyshot_calls,
    "torchio": torchio_calls,
    "monai": monai_calls,
    "batchgeneratorsv2": batchgenerators_calls,
}


def seconds(call: Call, least: float) -> list[float]:
    """CPU seconds of each call, for so long and at least three times, after one that is not counted."""
    call()
    times, begin = [], time.process_time()
    while len(times) < 3 or time.process_time() - begin < least:
        before = time.process_time()
        call()
        times.append(time.process_time() - before)
    return times


def resident(field: str) -> int:
    """Kilobytes of memory of this process, now (VmRSS) or at most since the last reset (VmHWM); Linux only."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition(f"{field}:")[2].split()[0])


def grown(library: str, side: int) -> float:
    """Megabytes that a process grows by at most over three calls of affine + elastic; run in a process of its own."""
    call = LIBRARIES[library](volume(side))["affine + elastic"]
    LIBRARIES[library](volume(16))["affine + elastic"]()  # compiles, and loads what is loaded late
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    before = resident("VmRSS")
    for _ in range(3):
        call()
    return (resident("VmHWM") - before) / 1024


def main() -> None:
    """Time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="48 voxels a side, half a second a row")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        print(grown(options.memory, 128))
        return
    found, missing = [], {}
    for name, make in LIBRARIES.items():
        try:
            make(volume(8))
            found.append(name)
        except Exception as error:  # whatever an installation of a peer lacks
            missing[name] = f"{type(error).__name__}: {error}"
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for side in SIDES[:1] if options.quick else SIDES:
        values = volume(side)
        calls = {name: LIBRARIES[name](values) for name in found}
        times: dict[tuple[str, str], list[float]] = {}
        for _ in range(1 if options.quick else 2):
            for op in calls["manyshot"]:
                for name in found:
                    if op in calls[name]:
                        times.setdefault((op, name), []).extend(seconds(calls[name][op], 0.2 if options.quick else 0.3))
        rows[str(side)] = {
            op: {name: float(np.median(times[op, name])) for name in found if (op, name) in times}
            for op in calls["manyshot"]
        }
        for op, row in rows[str(side)].items():
            fastest = min((value for name, value in row.items() if name != "manyshot"), default=float("nan"))
            shown = ", ".join(f"{name} {1000 * value:.2f} ms" for name, value in row.items())
            print(f"{side}^3 {op}: {shown}; ours is {fastest / row['manyshot']:.1f} times as fast as the fastest peer")
    memory = {}
    if not options.quick:
        for name in found:
            command = [sys.executable, __file__, "--memory", name]
            memory[name] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
            print(f"128^3 affine + elastic, memory: {name} {memory[name]:.0f} MB")
    for name, why in missing.items():
        print(f"{name}: {why}")
    if options.json:
        figures = {"cpu": cpu_name(), "seconds": rows, "megabytes_128": memory, "missing": missing}
        figures["versions"] = {name: getattr(importlib.import_module(name), "__version__", "") for name in found}
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
