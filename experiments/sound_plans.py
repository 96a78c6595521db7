"""What augmentation of sounds is worth to a network that is trained from nothing: new spoken words by new people.

A Conv4 on log-mel spectrograms learns prototypes from five recordings of each of seven digits by each of two people of
FSDD, shots by one and queries by the other, and is judged on the other three digits by the other four people, one shot
of one person, queries by others. Seeds differ in digits, people, weights and tasks; all arms of a seed see the same
tasks. Writes results/sound_plans.json after each seed.

    python experiments/sound_plans.py --root DATA [--quick]
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from run_and_record import write

from manyshot.augment import Plan
from manyshot.datasets import load_dataset
from manyshot.learners import LEARNERS
from manyshot.nets import ENCODERS
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Settings, evaluate_tasks, fit, holm, paired_difference

ARMS = {
    "none": "none",
    "masks (SpecAugment)": "support+query: mask_time(0.3) mask_band(0.3)",
    "speed, shift and noise": "support+query: speed(1.2) shift_time hiss(20, 50, 1)",
    "all": "support+query: speed(1.2) shift_time hiss(20, 50, 1) mask_time mask_band",
}
DIGITS, PEOPLE, EACH = 3, 4, 5
"""Digits and people held out for judging, and recordings of each digit by each person to train on."""
ENCODER = "spectrogram(bands=32)"


def parts(source: Source, seed: int) -> tuple[Source, Source]:
    """Recordings to train on, and those of other digits by other people."""
    draws = np.random.default_rng(seed)
    digits = draws.permutation(list(source.class_names)).tolist()
    people = draws.permutation(list(source.author_names or ())).tolist()
    whole = source.subset(classes=digits[DIGITS:], authors=people[PEOPLE:])
    author = whole.authors_of_rows
    assert author is not None
    pair = whole.labels * 100 + author
    place = np.array([(pair[:row] == one).sum() for row, one in enumerate(pair)])
    train = whole.subset(items=place < EACH, name="train")
    return train, source.subset(classes=digits[:DIGITS], authors=people[:PEOPLE], name="test")


def accuracy(plan: str, source: Source, seed: int, steps: int, tasks: int) -> np.ndarray:
    """Accuracy of each test task after a training with a plan."""
    train, test = parts(source, seed)
    torch.manual_seed(seed)
    learner = LEARNERS.parse("prototypes").build(
        encoder=lambda norm: ENCODERS.build(ENCODER, channels=0, size=test.store.shape[2], norm=norm),  # type: ignore[union-attr]
        ways=5,
        classes=0,
    )
    sampler = EpisodeSampler(train, ways=5, shots=1, queries=1, seed=seed, by_author=True)
    settings = Settings(steps=steps, meta_batch_size=2, seed=seed, learning_rate=2e-3)
    fit(learner, sampler, settings, Plan(plan), title=plan[:40])
    judged = EpisodeSampler(test, ways=DIGITS, shots=1, queries=3, seed=seed, by_author=True)
    return evaluate_tasks(learner.eval(), judged, tasks).accuracy


def main() -> None:
    """Train and judge every arm, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, steps, tasks = (1, 3, 10) if options.quick else (4, 250, 400)
    source = load_dataset("fsdd", "all", root=options.root)
    found: dict[str, list[np.ndarray]] = {arm: [] for arm in ARMS}
    seconds = dict.fromkeys(ARMS, 0.0)
    for seed in range(seeds):
        for arm, plan in ARMS.items():
            began = time.process_time()
            found[arm].append(accuracy(plan, source, seed, steps, tasks))
            seconds[arm] += time.process_time() - began
            print(seed, arm, round(float(found[arm][-1].mean()), 4), flush=True)
        if options.quick or seed < 1:
            continue
        stacked = {arm: np.stack(rows) for arm, rows in found.items()}
        others = [arm for arm in ARMS if arm != "none"]
        differences = {arm: paired_difference(stacked[arm], stacked["none"], most=1) for arm in others}
        corrected = dict(zip(others, holm([one.p_value for one in differences.values()]), strict=True))
        write(
            "sound_plans",
            {
                "command": "python experiments/sound_plans.py --root DATA",
                "seeds": seed + 1,
                "steps": steps,
                "tasks": tasks,
                "encoder": ENCODER,
                "plans": ARMS,
                "accuracy": {arm: float(rows.mean()) for arm, rows in stacked.items()},
                "by_seed": {arm: rows.mean(1).tolist() for arm, rows in stacked.items()},
                "against_none": {
                    arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in differences.items()
                },
                "cpu_seconds": seconds,
            },
        )


if __name__ == "__main__":
    main()
