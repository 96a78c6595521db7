"""One labeled scan, augmented in several ways: Dice of the hippocampus on other scans; results/medical_one_shot.json.

A U-Net is trained on one scan of 70, which the seed draws, and judged on the other 60 of 130. Of the other 69,
`--unlabeled` many are there without masks, for the arms that learn how scans vary; the masks of ten serve to choose
settings by ("pool"), and the ceiling is trained on all 70. One person may be there with two scans: names do not tell.

    python experiments/medical_data.py --root DATA --out PREPARED
    python experiments/medical_one_shot.py --prepared PREPARED --out runs/one_shot --steps 180 --batch 2 --width 8
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from medical_arms import Job, carry_out, keep, learner, parse, scores_of, table
from safetensors.torch import load_file

from manyshot.augment import Plan
from manyshot.augment.masked.variation_bank import write_bank
from manyshot.base.seeds import generator
from manyshot.segment.learn_variation import Registration, learn_variation
from manyshot.segment.masked_source import Label
from manyshot.segment.segmenter import support_of

NAME = "medical_one_shot"
POOL = 70
POOL_JUDGED = 10
STEPS, BATCH = 1000, 4
LABELS = (Label("anterior", (1,)), Label("posterior", (2,)))
ELASTIC = "elastic3(0.06, padding_mode=border)"
WIDE = "affine3(15, 1.2, 0.1, 0.1, padding_mode=border)"
GEOMETRY = f"{WIDE} {ELASTIC}"
MILD = "affine3(8, 1.1, 0.05, 0.05, padding_mode=border)"
INTENSITY = "gamma(1.5) brightness(0.2) contrast(0.3) noise(0.05)"
PAINT = "paint(0, 1, 0.1, parts=8)"
ARMS = {
    "none": "",
    "geometry": GEOMETRY,
    "intensity": INTENSITY,
    "geometry + intensity": f"{GEOMETRY} {INTENSITY}",
    "paint": f"{PAINT} {GEOMETRY}",
    "half painted": f"oneof({PAINT} gamma(1.5)) {GEOMETRY} {INTENSITY}",
    "learned": 'scan_variation("{bank}")',
    "learned, from the bank": 'scan_variation("{bank}", draw=bank)',
    "learned + random": f'scan_variation("{{bank}}", draw=bank) {MILD} {INTENSITY}',
    "learned + strong random": f'scan_variation("{{bank}}", draw=bank) {GEOMETRY} {INTENSITY}',
    "learned or elastic + random": f'oneof(scan_variation("{{bank}}") {ELASTIC}) {WIDE} {INTENSITY}',
    "learned shapes + intensity": f'scan_variation("{{bank}}", draw=bank, look=no) {INTENSITY}',
    "all 70 labeled": f"{GEOMETRY} {INTENSITY}",
}


def run(job: Job, options: argparse.Namespace) -> dict[str, list[float]]:
    """Train one arm on one scan, and judge it on the test scans."""
    data = load_file(options.prepared / "hippocampus.safetensors")
    images = data["images"][:, None].to(options.device)
    masks = data["masks"].to(options.device)
    chosen = int(torch.randint(POOL, (), generator=generator("scan", job.seed)))
    labeled = list(range(POOL)) if job.arm == "all 70 labeled" else [chosen]
    ops = ARMS[job.arm]
    if "{bank}" in ops:
        ops = ops.format(bank=bank_of(images, chosen, job.seed, options))
    random = generator("one-shot", job.seed)
    support = support_of(images[labeled], masks[labeled], LABELS, Plan(f"support: {ops}" if ops else "none"), random)
    segment = learner(options, STEPS, BATCH).adapt(support, random)
    answer = {}
    pool = [i for i in range(POOL) if i not in labeled][:POOL_JUDGED]
    for name, rows in (("", range(POOL, len(images))), ("pool, ", pool)):
        chosen_rows = list(rows)[: 4 if options.quick else None]
        if not chosen_rows:
            continue
        scores = scores_of(segment, images[chosen_rows], masks[chosen_rows], LABELS)
        answer |= {f"{name}mean": scores.mean(1).tolist()}
        answer |= {f"{name}{label.name}": scores[:, k].tolist() for k, label in enumerate(LABELS)}
    return answer


def bank_of(images: torch.Tensor, chosen: int, seed: int, options: argparse.Namespace) -> Path:
    """The variation of unlabeled scans as changes of the labeled one, which the arms of a seed share."""
    path = options.out / f"bank-{seed}.safetensors"
    if not path.exists():
        others = [i for i in range(POOL) if i != chosen][: 4 if options.quick else options.unlabeled]
        settings = Registration(steps=5) if options.quick else Registration()
        learned = learn_variation(images[chosen].float() / 255, images[others].float() / 255, settings)
        write_bank(path, learned.to(torch.zeros(0)))
    return path


def main() -> None:
    """Train, judge, write."""
    options = parse(__doc__, unlabeled=24)
    arms = options.arms.split(";") if options.arms else list(ARMS)
    jobs = [Job(arm, seed) for seed in range(options.seeds) for arm in arms]
    done = carry_out(jobs, run, options, NAME)
    baselines = ("none", "geometry + intensity", "geometry")
    tables = {what: table(done, what, baselines, options.seeds) for what in ("mean", "anterior", "posterior")}
    tables["pool"] = {
        arm: [round(float(np.mean(done[Job(arm, seed)]["pool, mean"])), 4) for seed in range(options.seeds)]
        for arm in arms
        if all("pool, mean" in done.get(Job(arm, seed), {}) for seed in range(options.seeds))
    }
    settings = {"steps": STEPS, "batch": BATCH, "pool": POOL, "unlabeled": options.unlabeled, "plans": ARMS}
    keep(NAME, settings, tables, options)


if __name__ == "__main__":
    main()
