"""Time the torch path on a GPU: augmentation of large batches beside kornia, and steps of meta-training beside a loop.

    python benchmarks/gpu.py --json results/gpu.json          # needs a GPU; under three minutes
    python benchmarks/gpu.py --device cpu --quick             # the same code on the CPU, small

Everybody has a turn in every round. Times are those of device events on a GPU and of the clock on a CPU; printed are
medians over rounds. Before anything is timed, results on the device are compared with those on the CPU: images in
single precision with the same params, gradients in double precision with the same weights and tasks.
"""

import argparse
import datetime
import json
import platform
import time
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from learners_worker import episode, ours, plain
from machine import cpu_name
from output import print_table, ratio_cell
from rich.table import Table
from torch import Tensor, nn

from manyshot.augment import Compose, Op
from manyshot.augment.image import Affine, Brightness, Contrast, Elastic, Erase, Flip, Hue, ResizedCrop, Saturation
from manyshot.learners import Prototypes
from manyshot.nets import Conv4, ResNet12
from manyshot.tasks import Episode, Examples

Work = Callable[[], Any]

JITTER = (Brightness(0.2), Contrast(0.2), Saturation(0.2), Hue(0.05))
OPS: Mapping[str, Op] = {
    "few-shot standard": Compose((ResizedCrop(0.5), Flip(), *JITTER, Erase(0.2))),
    "affine": Affine(15, 1.2, 0.15, 0.1),
    "color jitter": Compose(JITTER),
    "elastic": Elastic(0.07),
}
SIZES = (32, 84)


def kornia_pipeline(name: str, side: int) -> nn.Module:
    """The same by kornia."""
    import kornia.augmentation as K

    jitter = K.ColorJiggle(0.2, 0.2, 0.2, 0.05, p=1.0)
    steps = {
        "few-shot standard": [
            K.RandomResizedCrop((side, side), scale=(0.5, 1.0), ratio=(0.75, 1.33), p=1.0),
            K.RandomHorizontalFlip(p=0.5),
            jitter,
            K.RandomErasing(scale=(0.02, 0.2), ratio=(1 / 3, 3), p=1.0),
        ],
        "affine": [K.RandomAffine(15.0, translate=(0.05, 0.05), scale=(0.83, 1.2), shear=(-8.5, 8.5), p=1.0)],
        "color jitter": [jitter],
        "elastic": [K.RandomElasticTransform(p=1.0)],
    }
    return nn.Sequential(*steps[name])


def time_each(works: Mapping[str, Work], device: torch.device, rounds: int) -> dict[str, float]:
    """Median milliseconds of each work over interleaved rounds, after two turns that do not count."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(-2, rounds):
        names = list(works)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            took = milliseconds(works[name], device)
            if turn >= 0:
                times[name].append(took)
    return {name: median(values) for name, values in times.items()}


def milliseconds(work: Work, device: torch.device) -> float:
    """Time one call: by device events on a GPU, by the clock on a CPU."""
    if device.type != "cuda":
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) * 1e3
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    first.record()
    work()
    last.record()
    torch.cuda.synchronize()
    return float(first.elapsed_time(last))


def time_augmentation(device: torch.device, batch: int, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds a batch of float images, ours and kornia's, and how far ours differs from the CPU's result."""
    rows = []
    for side in SIZES:
        images = pictures(batch, side)
        there = images.to(device)
        for name, op in OPS.items():
            generator = torch.Generator().manual_seed(0)
            params = op.sample(64, generator)
            difference = (op.apply(images[:64], params) - op.apply(there[:64], params).cpu()).abs()

            def augment(op: Op = op, there: Tensor = there, generator: torch.Generator = generator) -> Tensor:
                return op.apply(there, op.sample(batch, generator))

            works: dict[str, Work] = {"manyshot": augment}
            try:
                pipeline = kornia_pipeline(name, side)
                works["kornia"] = lambda pipeline=pipeline, there=there: pipeline(there)
            except ImportError:
                pass
            took = time_each(works, device, rounds)
            rows.append(
                {
                    "pipeline": name,
                    "size": f"{side}x{side}x3",
                    "batch": batch,
                    "milliseconds": took,
                    "largest_difference_from_cpu": float(difference.max()),
                    "mean_difference_from_cpu": float(difference.mean()),
                }
            )
    return rows


def time_training(device: torch.device, rounds: int, quick: bool) -> list[dict[str, Any]]:
    """Milliseconds a step (forward, backward) of meta-training, and the gradient's distance from the CPU's."""
    tasks, side, narrower = (2, 32, 8) if quick else (16, 84, 1)
    widths = [width // narrower for width in (64, 128, 256, 512)]
    return [
        *(maml_row(device, width // narrower, steps, tasks, rounds) for width in (32, 64) for steps in (1, 5)),
        prototypes_row("conv4", lambda: Conv4(3, side, widths[:1] * 4), side, tasks, device, rounds),
        prototypes_row("resnet12", lambda: ResNet12(3, side, widths, drop=0.0), side, tasks, device, rounds),
    ]


def maml_row(device: torch.device, width: int, steps: int, tasks: int, rounds: int) -> dict[str, Any]:
    """Second-order MAML of Conv4 beside a loop over tasks by `torch.func.functional_call`, on the same device."""
    with torch.device("cpu"):
        exact = [gradients(ours, width, steps, 2, torch.float64, place) for place in (torch.device("cpu"), device)]
        works = {
            name: step_of(make, width, steps, tasks, torch.float32, device)
            for name, make in {"manyshot": ours, "plain loop": plain}.items()
        }
    return {
        "method": f"MAML, {steps} inner step" + "s" * (steps > 1),
        "encoder": f"conv4({width}), 28x28x1",
        "tasks": tasks,
        "milliseconds": time_each(works, device, rounds),
        "relative_difference_of_gradients_from_cpu": relative_difference(*exact),
    }


def step_of(make: Callable[..., Work], width: int, steps: int, tasks: int, dtype: torch.dtype, device: Any) -> Work:
    """One outer step of a row of the learner benchmark, with its model and its tasks moved to the device."""
    return make(width, steps, episode(tasks, dtype).to(device), dtype, None, device=device)


def gradients(make: Callable[..., Work], width: int, steps: int, tasks: int, dtype: torch.dtype, device: Any) -> Tensor:
    """The gradient of one outer step as one vector on the CPU."""
    grads = step_of(make, width, steps, tasks, dtype, device)()
    return torch.cat([grad.detach().cpu().double().flatten() for grad in grads])


def prototypes_row(
    name: str, build: Callable[[], nn.Module], side: int, tasks: int, device: torch.device, rounds: int
) -> dict[str, Any]:
    """A step of prototypical networks on 5-way 1-shot 15-query tasks, all tasks at once, beside one task at a time."""
    torch.manual_seed(0)
    learner = Prototypes(build())
    other = deepcopy(learner).to(device)
    few = image_tasks(1, side, queries=1)
    exact = [
        prototype_gradient(deepcopy(each).double(), few.to(place, torch.float64))
        for each, place in ((learner, torch.device("cpu")), (other, device))
    ]
    batch = image_tasks(tasks, side).to(device)

    def together() -> None:
        other.zero_grad()
        other.loss(batch).backward()

    def one_by_one() -> None:
        other.zero_grad()
        for task in range(tasks):
            (other.loss(batch[task : task + 1]) / tasks).backward()

    return {
        "method": "prototypical networks",
        "encoder": f"{name}, {side}x{side}x3",
        "tasks": tasks,
        "milliseconds": time_each({"manyshot": together, "plain loop": one_by_one}, device, rounds),
        "relative_difference_of_gradients_from_cpu": relative_difference(*exact),
    }


def prototype_gradient(learner: Prototypes, tasks: Episode) -> Tensor:
    """The gradient of the loss as one vector on the CPU."""
    learner.loss(tasks).backward()
    return torch.cat(
        [weight.grad.detach().cpu().flatten() for weight in learner.parameters() if weight.grad is not None]
    )


def relative_difference(expected: Tensor, result: Tensor) -> float:
    """Largest difference, relative to the largest entry."""
    return float((expected - result).abs().max() / expected.abs().max())


def image_tasks(tasks: int, side: int, ways: int = 5, queries: int = 15) -> Episode:
    """5-way 1-shot tasks of color images."""

    def examples(each: int) -> Examples:
        items = pictures(tasks * ways * each, side).view(tasks, ways * each, 3, side, side)
        return Examples.of(items, torch.arange(ways).repeat_interleave(each))

    return Episode(examples(1), examples(queries), torch.arange(ways).expand(tasks, -1))


def pictures(n: int, side: int) -> Tensor:
    """Busy pictures `[n, 3, h, w]` from 0 to 1 with smooth parts."""
    rng = np.random.default_rng(0)
    coarse = rng.random((n, 3, side // 4, side // 4), dtype=np.float32).repeat(4, 2).repeat(4, 3)
    return torch.from_numpy(0.75 * coarse + 0.25 * rng.random((n, 3, side, side), dtype=np.float32))


def show(augmentation: list[dict[str, Any]], training: list[dict[str, Any]], device: str) -> None:
    """Print both tables."""
    table = Table(
        "pipeline", "size", "ours", "kornia", "kornia / ours", "differs from CPU", title=f"ms a batch, {device}"
    )
    for row in augmentation:
        times = row["milliseconds"]
        peer = times.get("kornia")
        cells = [f"{times['manyshot']:.2f}", "-" if peer is None else f"{peer:.2f}"]
        ratio = ratio_cell(None if peer is None else peer / times["manyshot"])
        table.add_row(row["pipeline"], row["size"], *cells, ratio, f"{row['mean_difference_from_cpu']:.1e}")
    print_table(table, {}, width=120)
    table = Table(
        "method", "encoder", "ours", "plain loop", "loop / ours", "gradients differ", title=f"ms a step, {device}"
    )
    for row in training:
        times = row["milliseconds"]
        ratio = ratio_cell(times["plain loop"] / times["manyshot"])
        cells = [f"{times['manyshot']:.1f}", f"{times['plain loop']:.1f}", ratio]
        table.add_row(row["method"], row["encoder"], *cells, f"{row['relative_difference_of_gradients_from_cpu']:.1e}")
    print_table(table, {}, width=120)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--batch", type=int, default=4096, help="images of a batch")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each row")
    parser.add_argument("--quick", action="store_true", help="64 images, 2 tasks, narrow networks, 2 rounds")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("--device cuda: torch sees no GPU here; --device cpu --quick runs the same code")
    warnings.simplefilter("ignore")
    device = torch.device(options.device)
    batch, rounds = (64, 2) if options.quick else (options.batch, options.rounds)
    name = torch.cuda.get_device_name() if device.type == "cuda" else cpu_name()
    augmentation = time_augmentation(device, batch, rounds)
    training = time_training(device, rounds, options.quick)
    show(augmentation, training, name)
    if options.json:
        about = {
            "command": "python benchmarks/gpu.py --json results/gpu.json",
            "date": datetime.date.today().isoformat(),
            "device": name,
            "rounds": rounds,
            "python": platform.python_version(),
            "torch": torch.__version__,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        written = {"augmentation": augmentation, "training": training, "about": about}
        options.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
