"""Generators on unseen characters: classifiers of 100 classes from few drawings each, with and without made ones.

DAGAN and a conditional autoencoder learn from three quarters of Omniglot's background characters, in as many steps;
100 others are classified by networks that are trained on the same few drawings of each. The given augmentation is
chosen for each number of shots on a further part of the characters. Writes results/dagan_omniglot.json; runs that are
there are used.

    python experiments/dagan_omniglot.py --root DATA
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from circumstances import write
from classifier import best_given
from made import compared, judged, trained

from manyshot.augment import Plan
from manyshot.base import quieten
from manyshot.tasks import Source
from manyshot.training.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources
from manyshot.training.timing import cpu_seconds

SEEDS = (0, 1, 2)
SHOTS = (1, 2, 3, 4)
CLASSES, CLASSIFIERS, JUDGED, MADE = 100, 10, 10, 30
CLASSIFIER_STEPS = 150
MODELS = {"dagan": ("dagan(16)", 5e-4), "cvae": ("cvae(16, strength=3)", 1e-3)}
"""The models, and their rates."""
STEPS, FEW_STEPS = 10_000, 2500
"""Of their trainings, here and where something is beside a short one."""


def config_of(name: str, root: str, seed: int, tiny: bool = False, steps: int = STEPS) -> GeneratorConfig:
    """The settings of a model of this experiment."""
    model, rate = MODELS[name]
    steps = 4 if tiny else steps
    fit = GeneratorSettings(steps=steps, batch=32, rate=rate, look_every=steps, save_every=steps, seed=seed)
    return GeneratorConfig("omniglot", root=root, model=model, validation=0.1, test=0.15, fit=fit)


def shots_of(source: Source, shots: int, seed: int) -> tuple[Source, Source]:
    """So many drawings of each class to learn from, and ten others to judge on."""
    learn, judge = np.zeros(len(source), dtype=bool), np.zeros(len(source), dtype=bool)
    for start, count in zip(source.starts.tolist(), source.counts.tolist(), strict=False):
        order = start + torch.randperm(count, generator=torch.Generator().manual_seed(seed + start)).numpy()
        learn[order[:shots]], judge[order[-JUDGED:]] = True, True
    return source.subset(items=learn), source.subset(items=judge)


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds omniglot/")
    parser.add_argument("--runs", default="runs/dagan_omniglot", help="where the trainings lie")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything, to see that it runs; no result")
    options = parser.parse_args()
    tiny = options.tiny
    quieten(True)
    seeds, all_shots, classifiers, steps = ((0,), (2,), 1, 4) if tiny else (SEEDS, SHOTS, CLASSIFIERS, CLASSIFIER_STEPS)
    seconds: dict[str, list[float]] = {name: [] for name in MODELS}
    given: dict[int, str] = {}
    right: dict[int, dict[str, list[np.ndarray]]] = {shots: {} for shots in all_shots}
    for seed in seeds:
        models = {}
        for name in MODELS:
            folder = Path(options.runs) / f"{name}-{seed}"
            models[name] = trained(config_of(name, options.root, seed, tiny), folder).model
            seconds[name].append(cpu_seconds(folder))
        parts = load_generator_sources(config_of("dagan", options.root, seed, tiny), "item")
        unseen = parts.test.subset(classes=parts.test.class_names[: 10 if tiny else CLASSES])
        for shots in all_shots:
            if seed == seeds[0]:
                given[shots] = best_given(*shots_of(parts.validation, shots, seed), seed, steps)
            op = Plan.parse(given[shots]).item_op()
            by_arm: dict[str, list[np.ndarray]] = {}
            for number in range(classifiers):
                real, test = shots_of(unseen, shots, 1000 * number)
                found = judged(real, test, models, op, MADE, number, 1000 * seed + number, steps)
                for arm, rows in found.items():
                    by_arm.setdefault(arm, []).append(rows)
            for arm, rows in by_arm.items():
                right[shots].setdefault(arm, []).append(np.concatenate(rows))
            print(seed, shots, {arm: round(float(np.mean(rows)), 3) for arm, rows in by_arm.items()}, flush=True)
    found = {str(shots): {"given": given[shots]} | compared(arms, "nothing", "given") for shots, arms in right.items()}
    if not tiny:
        facts = {"seeds": len(seeds), "classes": CLASSES, "classifiers": classifiers, "made": MADE, "judged": JUDGED}
        told = {name: {"model": model, "steps": STEPS} for name, (model, _) in MODELS.items()}
        facts |= {"models": told, "classifier_steps": steps, "cpu_seconds": seconds}
        write("dagan_omniglot", {"command": "python experiments/dagan_omniglot.py", **facts, "shots": found})


if __name__ == "__main__":
    main()
