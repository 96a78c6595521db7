"""What augmentation of sounds is worth to a network that is trained from nothing: new spoken words by new people.

A Conv4 on log-mel spectrograms learns prototypes from five recordings of each of seven digits by each of two people of
FSDD, shots by one and queries by the other, and is judged on the other three digits by the other four people, one shot
of one person, queries by others. Seeds differ in digits, people, weights and tasks; all arms of a seed see the same
tasks. "Searched" is the plan that did best, in half as many steps on five of the seven digits, on the other two of the
same two people. Writes results/sound_plans.json.

    python experiments/sound_plans.py --root DATA [--only SEED] [--runs FOLDER] [--quick]
"""

import argparse
import json
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
SEEDS, STEPS, TASKS = 5, 250, 400
SEARCHED = "searched"


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


def parts_to_search(source: Source, train: Source, seed: int) -> tuple[Source, Source]:
    """Five of the digits to train on, and all recordings of the other two by the same people."""
    digits = np.random.default_rng(seed).permutation(list(train.class_names)).tolist()
    authors = np.unique(train.authors_of_rows)  # type: ignore[arg-type]
    people = [(train.author_names or ())[who] for who in authors]
    return train.subset(classes=digits[2:]), source.subset(classes=digits[:2], authors=people, name="validation")


def accuracy(plan: str, train: Source, test: Source, seed: int, steps: int, tasks: int) -> np.ndarray:
    """Accuracy of each test task after a training with a plan."""
    torch.manual_seed(seed)
    learner = LEARNERS.parse("prototypes").build(
        encoder=lambda norm: ENCODERS.build(ENCODER, channels=0, size=test.store.shape[2], norm=norm),  # type: ignore[union-attr]
        ways=5,
        classes=0,
    )
    sampler = EpisodeSampler(train, ways=5, shots=1, queries=1, seed=seed, by_author=True)
    settings = Settings(steps=steps, meta_batch_size=2, seed=seed, learning_rate=2e-3)
    fit(learner, sampler, settings, Plan(plan), title=plan[:40])
    people = len(np.unique(test.authors_of_rows))  # type: ignore[arg-type]
    ways = min(DIGITS, len(test.class_names))
    judged = EpisodeSampler(test, ways=ways, shots=1, queries=people - 1, seed=seed, by_author=True)
    return evaluate_tasks(learner.eval(), judged, tasks).accuracy


def of_seed(source: Source, seed: int, steps: int, tasks: int) -> dict[str, object]:
    """Accuracy of each arm on each task, what it took, and the plan that was chosen."""
    train, test = parts(source, seed)
    known, asked = parts_to_search(source, train, seed)
    found: dict[str, list[float]] = {}
    tried: dict[str, float] = {}
    seconds = {}
    for arm, plan in ARMS.items():
        began = time.process_time()
        found[arm] = accuracy(plan, train, test, seed, steps, tasks).tolist()
        seconds[arm] = time.process_time() - began
        tried[arm] = float(accuracy(plan, known, asked, seed, steps // 2, tasks).mean())
        print(seed, arm, round(float(np.mean(found[arm])), 4), round(tried[arm], 4), flush=True)
    chosen = max(tried, key=lambda arm: tried[arm])
    found[SEARCHED] = found[chosen]
    return {"accuracy": found, "cpu_seconds": seconds, "tried": tried, "chosen": chosen}


def summary(seeds: list[dict[str, dict[str, list[float]]]]) -> dict[str, object]:
    """Means, and paired differences from training without a plan, Holm over arms."""
    arms = (*ARMS, SEARCHED)
    stacked = {arm: np.array([one["accuracy"][arm] for one in seeds]) for arm in arms}
    differences = {arm: paired_difference(stacked[arm], stacked["none"], most=1) for arm in arms[1:]}
    corrected = dict(zip(arms[1:], holm([one.p_value for one in differences.values()]), strict=True))
    return {
        "accuracy": {arm: float(rows.mean()) for arm, rows in stacked.items()},
        "by_seed": {arm: rows.mean(1).tolist() for arm, rows in stacked.items()},
        "against_none": {
            arm: one.as_dict() | {"p_value_holm": float(corrected[arm])} for arm, one in differences.items()
        },
        "cpu_seconds": {arm: sum(one["cpu_seconds"][arm] for one in seeds) for arm in ARMS},  # type: ignore[misc]
        "chosen": [one["chosen"] for one in seeds],
        "tried": [one["tried"] for one in seeds],
    }


def main() -> None:
    """Train and judge every arm, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--only", type=int, help="run just this seed, and write no results")
    parser.add_argument("--runs", type=Path, default=Path("runs/sound_plans"), help="where accuracies of each seed lie")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = load_dataset("fsdd", "all", root=options.root)
    if options.quick:
        summary([of_seed(source, seed, 4, 10) for seed in range(2)])  # type: ignore[misc]
        return
    options.runs.mkdir(parents=True, exist_ok=True)
    files = [options.runs / f"{seed}.json" for seed in range(SEEDS)]
    for seed in range(SEEDS) if options.only is None else [options.only]:
        if not files[seed].exists():
            files[seed].write_text(json.dumps(of_seed(source, seed, STEPS, TASKS)), encoding="utf-8")
    if options.only is None:
        found = {"command": "python experiments/sound_plans.py --root DATA", "seeds": SEEDS, "steps": STEPS}
        found |= {"tasks": TASKS, "encoder": ENCODER, "plans": ARMS}
        write("sound_plans", found | summary([json.loads(file.read_text(encoding="utf-8")) for file in files]))


if __name__ == "__main__":
    main()
