"""Augmentation of sounds for a classifier that is trained from nothing on one person, and tested on other people.

A Conv4 on log-mel spectrograms learns FSDD's ten digits from five recordings of each by one person, and is tested on
recordings by other people. FSDD's six people are two halves: the plan that does best on people of one half is the one
that is judged on the other half ("chosen"), so that no person's recordings choose what they test. All arms of a seed
have the same recordings and the same first weights. Writes results/sound_speakers.json.

    python experiments/sound_speakers.py --root DATA [--only SEED] [--runs FOLDER] [--quick]
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from classifier_arms import compared
from run_and_record import write
from torch import nn
from torch.nn import functional as F

from manyshot.augment import Plan
from manyshot.base.sound import from_samples
from manyshot.datasets import load_dataset
from manyshot.nets import ENCODERS
from manyshot.tasks import Source

ARMS = {
    "none": "",
    "masks (SpecAugment)": "mask_time(0.3) mask_band(0.3)",
    "speed, shift and noise": "speed(1.2) shift_time hiss(20, 50, 1)",
    "strong speed, shift and noise": "speed(1.5) shift_time hiss(20, 50, 1)",
    "all": "speed(1.2) shift_time hiss(20, 50, 1) mask_time mask_band",
}
CHOSEN = "chosen on the other half"
ENCODER = "spectrogram(bands=32)"
SEEDS, EACH, TESTED, STEPS, BATCH = 3, 5, 20, 200, 32
"""Seeds; recordings of a digit to train on, and of each other person to test on; steps; recordings a step."""


def pick(source: Source, person: str, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Some recordings of each digit by a person, `[n, 1, t]`, and their digits."""
    own = source.subset(authors=[person])
    order = np.random.default_rng(seed).permutation(len(own))
    rows = np.concatenate([order[own.labels[order] == digit][:count] for digit in range(len(own.class_names))])
    return from_samples(own.gather(rows)), torch.from_numpy(own.labels[rows])


def train(sounds: torch.Tensor, labels: torch.Tensor, plan: str, seed: int, steps: int) -> nn.Module:
    """A classifier trained from nothing, whose every batch is augmented anew."""
    torch.manual_seed(seed)
    encoder = ENCODERS.build(ENCODER, channels=0, size=sounds.shape[2], norm="batch")
    model = nn.Sequential(encoder, nn.Linear(encoder.features, int(labels.max()) + 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    op = Plan(f"support: {plan}").item_op() if plan else None
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(sounds), (BATCH,), generator=generator)
        batch = sounds[rows] if op is None else op(sounds[rows], generator)
        optimizer.zero_grad()
        F.cross_entropy(model(batch), labels[rows]).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def run_seed(source: Source, seed: int, steps: int) -> dict[str, object]:
    """Accuracy of each arm for each person trained on, on the other people of the same half."""
    people = sorted(source.author_names or ())
    halves = [people[:3], people[3:]]
    accuracy: dict[str, list[float]] = {arm: [] for arm in ARMS}
    seconds = dict.fromkeys(ARMS, 0.0)
    for half in halves:
        tests = {person: pick(source, person, TESTED, seed + 1000) for person in half}
        for person in half:
            sounds, labels = pick(source, person, EACH, seed)
            for arm, plan in ARMS.items():
                began = time.process_time()
                model = train(sounds, labels, plan, seed, steps)
                seconds[arm] += time.process_time() - began
                with torch.no_grad():
                    right = [
                        (model(tested).argmax(1) == digits).float().mean()
                        for other, (tested, digits) in tests.items()
                        if other != person
                    ]
                accuracy[arm].append(float(torch.stack(right).mean()))
                print(seed, person, arm, round(accuracy[arm][-1], 3), flush=True)
    return {"people": people, "accuracy": accuracy, "cpu_seconds": seconds}


def summary(seeds: list[dict[str, dict[str, list[float]]]]) -> dict[str, object]:
    """Means, and paired differences from training without a plan over people and seeds, Holm over arms."""
    stacked = {arm: np.array([one["accuracy"][arm] for one in seeds]) for arm in ARMS}
    best = [max(ARMS, key=lambda arm: stacked[arm][:, part].mean()) for part in (slice(3, 6), slice(0, 3))]
    stacked[CHOSEN] = np.concatenate([stacked[best[0]][:, :3], stacked[best[1]][:, 3:]], axis=1)
    found = compared({arm: list(rows) for arm, rows in stacked.items()}, "none")
    return {
        "accuracy": found["accuracy"],
        "by_person": {arm: rows.mean(0).tolist() for arm, rows in stacked.items()},
        "by_seed": found["by_seed"],
        "against_none": found["difference"]["none"],
        "chosen": best,
        "people": seeds[0]["people"],
        "cpu_seconds": {arm: sum(one["cpu_seconds"][arm] for one in seeds) for arm in ARMS},  # type: ignore[misc]
    }


def main() -> None:
    """Train and test every arm, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds fsdd/")
    parser.add_argument("--only", type=int, help="run just this seed, and write no results")
    parser.add_argument("--runs", type=Path, default=Path("runs/sound_speakers"), help="where each seed's figures lie")
    parser.add_argument("--quick", action="store_true", help="two seeds of a few steps, to see that it runs; no result")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = load_dataset("fsdd", "all", root=options.root)
    if options.quick:
        summary([run_seed(source, seed, 2) for seed in range(2)])  # type: ignore[misc]
        return
    options.runs.mkdir(parents=True, exist_ok=True)
    files = [options.runs / f"{seed}.json" for seed in range(SEEDS)]
    for seed in range(SEEDS) if options.only is None else [options.only]:
        if not files[seed].exists():
            files[seed].write_text(json.dumps(run_seed(source, seed, STEPS)), encoding="utf-8")
    if options.only is None:
        found = {"command": "python experiments/sound_speakers.py --root DATA", "seeds": SEEDS, "steps": STEPS}
        found |= {"recordings": EACH, "encoder": ENCODER, "plans": ARMS}
        write("sound_speakers", found | summary([json.loads(file.read_text(encoding="utf-8")) for file in files]))


if __name__ == "__main__":
    main()
