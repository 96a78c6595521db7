"""What the experiments on segmentation share: arms by seed in several processes, kept as they end, and their table."""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from run_and_record import write

from manyshot.segment.dice import dice
from manyshot.segment.masked_source import Label, to_targets
from manyshot.segment.segmenter import Segmentation
from manyshot.segment.unet_segmenter import SegmentationUNet
from manyshot.training import holm, paired_difference

BATCH = 64


class Job(NamedTuple):
    """One training: an arm with a seed.

    Args:
        arm: its name.
        seed: of the draw of the labeled item, of the network and of the augmentation.
    """

    arm: str
    seed: int


def learner(options: argparse.Namespace, steps: int, batch: int, levels: int = 3) -> SegmentationUNet:
    """The U-Net, with what the command line says in place of the experiment's own numbers."""
    steps = 4 if options.quick else options.steps or steps
    return SegmentationUNet(options.width, levels, steps, options.batch or batch, prior=True)


Run = Callable[[Job, argparse.Namespace], dict[str, list[float]]]
"""From a job to the Dice coefficient of each test case, by what is judged."""


def parse(description: str | None, **numbers: int) -> argparse.Namespace:
    """The options that all have, and numbers with a default that one experiment has besides."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="folder that medical_data.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is done so far")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only-seed", type=int, help="train only this one; the last of them to end writes the table")
    parser.add_argument("--arms", help="some of the arms, separated by semicolons")
    parser.add_argument("--steps", type=int, help="of each training; those of the experiment if not given")
    parser.add_argument("--batch", type=int, help="items per step; likewise")
    parser.add_argument("--width", type=int, default=16, help="channels of the first level of the U-Net")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def carry_out(jobs: Sequence[Job], run: Run, options: argparse.Namespace, name: str) -> dict[Job, dict[str, list]]:
    """Run the jobs that are not done yet, in several processes; each appends to a file of its own as it goes.

    Where jobs are left, as with `--only-seed`, the experiment ends here, without a table.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    done = read_done(options.out, name)
    left = [job for job in jobs if job not in done and options.only_seed in (None, job.seed)]
    shares = [left[i :: options.jobs] for i in range(options.jobs)]
    tag = "" if options.only_seed is None else f"seed-{options.only_seed}."
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_work, args=(share, run, options, options.out / f"{name}.{tag}{i}.jsonl"))
        for i, share in enumerate(shares)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done = read_done(options.out, name)
    if missing := [job for job in jobs if job not in done]:
        print(f"{len(missing)} of {len(jobs)} trainings are not done yet: no table, as of now")
        raise SystemExit(0)
    return done


def _work(jobs: Sequence[Job], run: Run, options: argparse.Namespace, path: Path) -> None:
    torch.set_num_threads(1)
    for job in jobs:
        began = time.perf_counter()
        scores = run(job, options)
        seconds = time.perf_counter() - began
        with path.open("a") as file:
            print(json.dumps({"arm": job.arm, "seed": job.seed, "scores": scores, "seconds": seconds}), file=file)
        means = {key: round(float(np.mean(values)), 3) for key, values in scores.items()}
        print(job.arm, job.seed, means, f"{seconds:.1f} s", flush=True)


def read_done(folder: Path, name: str) -> dict[Job, dict[str, list]]:
    """The scores of the jobs that ended."""
    done = {}
    for path in sorted(folder.glob(f"{name}.*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            done[Job(row["arm"], row["seed"])] = row["scores"]
    return done


@torch.no_grad()
def scores_of(segment: Segmentation, items: torch.Tensor, masks: torch.Tensor, labels: tuple[Label, ...]) -> np.ndarray:
    """Dice coefficient `[cases, labels]`."""
    predicted = torch.cat([segment(part.float() / 255).argmax(1) for part in items.split(BATCH)])
    return dice(predicted, to_targets(masks, labels), range(1, len(labels) + 1))


def table(done: dict[Job, dict[str, list]], judged: str, baselines: Sequence[str], seeds: int) -> dict[str, Any]:
    """Mean Dice of each arm that has every seed, by seed, and its paired differences from some arms (Holm)."""
    arms = list(dict.fromkeys(job.arm for job in done))
    rows = {
        arm: np.array([done[Job(arm, seed)][judged] for seed in range(seeds)])
        for arm in arms
        if all(Job(arm, seed) in done for seed in range(seeds))
    }
    answer: dict[str, Any] = {
        "dice": {arm: float(values.mean()) for arm, values in rows.items()},
        "by_seed": {arm: values.mean(1).tolist() for arm, values in rows.items()},
        "cases": {arm: int(values.shape[1]) for arm, values in rows.items()},
        "difference": {},
    }
    for baseline in baselines:
        others = [arm for arm in rows if arm != baseline and rows[arm].shape == rows.get(baseline, rows[arm]).shape]
        if baseline not in rows or not others:
            continue
        found = {arm: paired_difference(rows[arm], rows[baseline], most=1) for arm in others}
        corrected = holm([one.p_value for one in found.values()])
        answer["difference"][baseline] = {
            arm: one.as_dict() | {"p_holm": p} for (arm, one), p in zip(found.items(), corrected, strict=True)
        }
    return answer


def keep(name: str, settings: dict[str, Any], tables: dict[str, Any], options: argparse.Namespace) -> None:
    """Write the result, unless it was only a trial."""
    if options.quick:
        print(json.dumps(tables, indent=1))
        return
    given = {key: getattr(options, key) or value for key, value in settings.items() if key in ("steps", "batch")}
    fixed = {"seeds": options.seeds, "width": options.width, "device": options.device}
    write(name, {**settings, **given, **fixed, **tables})
