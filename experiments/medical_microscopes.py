"""One labeled cell, and another microscope: Dice of nucleus and cytoplasm. Writes results/medical_microscopes.json.

A U-Net is trained on one labeled cell of one microscope, drawn by the seed, and judged on cells of the same and of the
other microscope. `stain_style` with a file takes its styles from 40 unlabeled pictures of each microscope, which are
not judged; the other arms see nothing of the other microscope. `normalized` gives all pictures, those to be judged too,
the color of the labeled one.

    python experiments/medical_microscopes.py --prepared PREPARED --out runs/microscopes --device cuda --jobs 3
"""

import argparse
import tempfile
from pathlib import Path

import torch
from medical_arms import Job, carry_out, keep, learner, parse, scores_of, table
from safetensors.torch import load_file

from manyshot.augment import Plan
from manyshot.augment.image import StainNormalize
from manyshot.augment.image.stain.stain_styles import StainStyles, write_styles
from manyshot.base.seeds import generator
from manyshot.segment.masked_source import Label
from manyshot.segment.segmenter import support_of

NAME = "medical_microscopes"
STEPS, BATCH = 600, 8
LABELS = (Label("cytoplasm", (1,)), Label("nucleus", (2,)))
GEOMETRY = "flip turn affine(20, 1.2, 0.1, 0.1, padding_mode=border) elastic(0.05, padding_mode=border)"
SIZES = "flip turn affine(20, 1.6, 0.1, 0.1, padding_mode=border) elastic(0.05, padding_mode=border)"
COLOR = "brightness(0.3) contrast(0.3) saturation(0.3) hue(0.05)"
ARMS = {
    "none": "",
    "geometry": GEOMETRY,
    "geometry, more sizes": SIZES,
    "sizes + color": f"{SIZES} {COLOR}",
    "sizes + strong color": f"{SIZES} brightness(0.5) contrast(0.5) saturation(0.6) hue(0.2) channel_shuffle(p=0.2)",
    "sizes + stain jitter": f"{SIZES} stain_jitter(0.2)",
    "sizes + stain style": f'{SIZES} stain_style("{{styles}}")',
    "sizes + paint": f"oneof(paint(0, 1, 0.1, parts=3) stain_jitter(0.2)) {SIZES}",
    "sizes, normalized": SIZES,
    "sizes + color, normalized": f"{SIZES} {COLOR}",
}
UNLABELED, JUDGED = 40, 100


def parts(microscopes: torch.Tensor, which: int, seed: int) -> tuple[list[int], list[int], list[int]]:
    """Of one microscope: a labeled cell, unlabeled cells, and cells to judge; the last are the same for every seed."""
    rows = (microscopes == which).nonzero().flatten()
    rows = rows[torch.randperm(len(rows), generator=generator("cells", which))]
    judged = rows[: min(JUDGED, len(rows) // 2)]
    rest = rows[len(judged) :]
    rest = rest[torch.randperm(len(rest), generator=generator("labeled cell", which, seed))]
    return rest[:1].tolist(), rest[1 : 1 + UNLABELED].tolist(), judged.tolist()


def run(job: Job, options: argparse.Namespace) -> dict[str, list[float]]:
    """Train one arm on a cell of each microscope, and judge it on both."""
    data = load_file(options.prepared / "white_cells.safetensors")
    images, masks = data["images"].to(options.device), data["masks"].to(options.device)
    split = {which: parts(data["microscope"], which, job.seed) for which in (1, 2)}
    answer = {}
    for here, there in ((1, 2), (2, 1)):
        labeled, _, judged = split[here]
        random = generator("microscope", here, job.seed)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "styles.json")
            shown = images
            if "{styles}" in ARMS[job.arm]:
                unlabeled = split[1][1] + split[2][1]
                write_styles(path, StainStyles.of(images[unlabeled].float().cpu() / 255))
            if "normalized" in job.arm:
                one = images[labeled].float().cpu() / 255
                write_styles(path, StainStyles.of(one.expand(2, -1, -1, -1)))
                normalize = StainNormalize("reinhard", str(path), keep=False)
                shown = normalize(images)
            ops = ARMS[job.arm].format(styles=path)
            plan = Plan(f"support: {ops}" if ops else "none")
            support = support_of(shown[labeled], masks[labeled], LABELS, plan, random)
            segment = learner(options, STEPS, BATCH, levels=4).adapt(support, random)
        for name, rows in (("within", judged), ("across", split[there][2])):
            scores = scores_of(segment, shown[rows], masks[rows], LABELS)
            answer[f"{here} {name}"] = scores.mean(1).tolist()
            for column, label in enumerate(LABELS):
                answer[f"{here} {name}, {label.name}"] = scores[:, column].tolist()
    return answer


def main() -> None:
    """Train, judge, write."""
    options = parse(__doc__)
    arms = options.arms.split(";") if options.arms else list(ARMS)
    jobs = [Job(arm, seed) for seed in range(options.seeds) for arm in arms]
    done = carry_out(jobs, run, options, NAME)
    judged = [
        f"{here} {name}{label}"
        for here in (1, 2)
        for name in ("within", "across")
        for label in ("", ", cytoplasm", ", nucleus")
    ]
    tables = {what: table(done, what, ("none", "geometry, more sizes"), options.seeds) for what in judged}
    keep(NAME, {"steps": STEPS, "batch": BATCH, "plans": ARMS}, tables, options)


if __name__ == "__main__":
    main()
