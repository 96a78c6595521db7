"""Where the time of a training step goes: drawing tasks, augmenting them, and learning from them.

    python benchmarks/step_profile.py --root DATA --json results/step_profile.json

Does what a step of `manyshot train` does, part by part, on Omniglot with the plan `handwriting` and on CIFAR-FS with
`natural`, with the default learner and encoder. CPU time of the process on one thread; printed are medians over steps.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.runtime.memory import keep_freed_memory
from manyshot.training import Config, image_shape, load_sources
from manyshot.training.load_run import make_learner
from manyshot.training.splits import training_sampler

TRAININGS = {
    "Omniglot, handwriting": Config("omniglot", split="small1", ways=20, queries=2, plan="handwriting"),
    "CIFAR-FS, natural": Config("cifar-fs", split="train", ways=5, queries=15, plan="natural"),
}
PARTS = ("draw tasks", "augment", "forward", "backward and update")
WARM_UP = 3


def profile(config: Config, steps: int) -> dict[str, Any]:
    """Milliseconds of each part of a step, and their shares of it."""
    sampler = training_sampler(config, load_sources(config).training)
    channels, size = image_shape(sampler.source)
    learner = make_learner(config, channels, size).train()
    plan = Plan(config.plan)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=config.fit.learning_rate)
    count = config.fit.meta_batch_size
    spent: dict[str, list[float]] = {part: [] for part in PARTS}
    for step in range(WARM_UP + steps):
        marks = [time.process_time()]
        episode = sampler.batch(step * count, count)
        marks.append(time.process_time())
        episode = plan.apply(episode, generator(config.fit.seed, "plan", step))
        marks.append(time.process_time())
        loss = learner.loss(episode)
        marks.append(time.process_time())
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(learner.parameters(), config.fit.grad_clip)
        optimizer.step()
        marks.append(time.process_time())
        if step >= WARM_UP:
            for part, begin, end in zip(PARTS, marks, marks[1:], strict=False):
                spent[part].append(1000 * (end - begin))
    milliseconds = {part: median(times) for part, times in spent.items()}
    whole = sum(milliseconds.values())
    return {
        "plan": str(plan),
        "images_a_step": count * sampler.examples_per_task,
        "size": [channels, size, size],
        "milliseconds": milliseconds,
        "fractions": {part: one / whole for part, one in milliseconds.items()},
    }


def main() -> None:
    """Profile, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="the folder that holds omniglot/ and cifar_fs/")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    result = {}
    for name, config in TRAININGS.items():
        settings = config.as_dict() | {"root": options.root}
        result[name] = profile(Config.from_dict(settings, "here"), options.steps)
    table = Table("training", "images", *PARTS)
    for name, one in result.items():
        cells = (f"{one['milliseconds'][part]:.1f} ms, {one['fractions'][part]:.1%}" for part in PARTS)
        table.add_row(name, str(one["images_a_step"]), *cells)
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps({"trainings": result, "threads": 1}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
