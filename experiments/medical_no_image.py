"""No real scan at all: a U-Net trained on painted label maps, judged on scans. Writes results/medical_no_image.json.

Twenty label maps around a hippocampus (ten heads, both sides), each painted anew at every step; Dice of the whole
hippocampus on the 60 test scans of medical_one_shot.py. The maps draw its border, above all the tail, by other rules
than the people who labeled the scans. Beside it stands one real scan with the best of the plans there.

    python experiments/medical_no_image.py --prepared PREPARED --out runs/no_image --device cuda --jobs 3
"""

import argparse

import torch
from medical_arms import Job, carry_out, keep, learner, parse, scores_of, table
from medical_one_shot import GEOMETRY, INTENSITY, POOL
from safetensors.torch import load_file

from manyshot.augment import Plan
from manyshot.base.seeds import generator
from manyshot.segment.masked_source import Label
from manyshot.segment.segmenter import support_of

NAME = "medical_no_image"
STEPS, BATCH = 1500, 4
MAPPED = (Label("hippocampus", (17, 53)),)
SCANNED = (Label("hippocampus", (1, 2)),)
MOVED = f"flip3(swap=none) {GEOMETRY}"
ARMS = {
    "narrow": f"paint(0.35, 0.65, 0.1, parts=1) {MOVED}",
    "wide": f"paint(0, 1, 0.1, parts=1) {MOVED}",
    "wide, no blur": f"paint(0, 1, 0.1, parts=1, blur=0) {MOVED}",
    "wide + intensity": f"paint(0, 1, 0.1, parts=1) {MOVED} {INTENSITY}",
    "one real scan": f"{GEOMETRY} {INTENSITY}",
}


def run(job: Job, options: argparse.Namespace) -> dict[str, list[float]]:
    """Train one arm, and judge it on the test scans."""
    data = load_file(options.prepared / "hippocampus.safetensors")
    images, masks = data["images"][:, None].to(options.device), data["masks"].to(options.device)
    random = generator("no image", job.seed)
    if job.arm == "one real scan":
        chosen = int(torch.randint(POOL, (), generator=generator("scan", job.seed)))
        items, labels, shown = images[chosen : chosen + 1], SCANNED, masks[chosen : chosen + 1]
    else:
        shown, labels = data["maps"].to(options.device), MAPPED
        items = torch.zeros(len(shown), 1, *shown.shape[1:], dtype=torch.uint8, device=options.device)
    support = support_of(items, shown, labels, Plan(f"support: {ARMS[job.arm]}"), random)
    segment = learner(options, STEPS, BATCH).adapt(support, random)
    test = slice(POOL, POOL + 4 if options.quick else None)
    return {"whole": scores_of(segment, images[test], masks[test], SCANNED)[:, 0].tolist()}


def main() -> None:
    """Train, judge, write."""
    options = parse(__doc__)
    arms = options.arms.split(";") if options.arms else list(ARMS)
    jobs = [Job(arm, seed) for seed in range(options.seeds) for arm in arms]
    done = carry_out(jobs, run, options, NAME)
    tables = {"whole": table(done, "whole", ("narrow", "one real scan"), options.seeds)}
    keep(NAME, {"steps": STEPS, "batch": BATCH, "plans": ARMS}, tables, options)


if __name__ == "__main__":
    main()
