"""Across tasks: a DAGAN of Omniglot's characters used on digits, and made classes where there are few to train on.

Writes results/cross_task.json; runs that are there are used.

    python experiments/cross_task.py --root DATA
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from circumstances import write
from gan_mnist import trained

from manyshot.augment import Plan
from manyshot.datasets import load
from manyshot.generate.made_source import made_classes
from manyshot.generate.shots import GeneratedShots
from manyshot.learners import Prototypes
from manyshot.nets import Conv4
from manyshot.tasks import EpisodeSampler, Source
from manyshot.tasks.join import join
from manyshot.training import Settings, evaluate_tasks, fit, paired_difference
from manyshot.training.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources

SEEDS = (0, 1, 2)
CLASSES = (10, 20, 50)
GIVEN = "shots: 10 x affine(15) elastic(0.1)"


def meta_trained(source: Source, plan: str, seed: int, steps: int) -> Prototypes:
    """Prototypes, meta-trained on 5-way 1-shot tasks of a source."""
    torch.manual_seed(seed)
    learner = Prototypes(Conv4(1, 28, (32, 32, 32, 32)))
    settings = Settings(steps=steps, seed=seed, save_every=steps)
    fit(learner, EpisodeSampler(source, 5, 1, 5, seed=seed), settings, Plan.parse(plan), title=f"{source.name} {plan}")
    return learner


def compared(accuracy: dict[str, list[np.ndarray]]) -> dict:
    """Means of each arm and paired differences to the first."""
    stacked = {arm: np.stack(rows) for arm, rows in accuracy.items()}
    first = next(iter(stacked.values()))
    return {
        arm: {"accuracy": float(rows.mean()), "against first": paired_difference(rows, first).as_dict()}
        for arm, rows in stacked.items()
    }


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds omniglot/ and mnist/")
    parser.add_argument("--runs", default="runs/cross_task", help="where the trainings lie")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything, to see that it runs; no result")
    options = parser.parse_args()
    tiny, runs = options.tiny, Path(options.runs)
    steps, learner_steps, tasks = (4, 2, 4) if tiny else (10_000, 2_000, 600)
    seeds, sizes = ((0,), (10,)) if tiny else (SEEDS, CLASSES)

    def config(seed: int, classes: int | None) -> GeneratorConfig:
        fit_settings = GeneratorSettings(
            steps=steps, batch=32, discriminator_steps=2, rate=5e-4, look_every=max(2, steps // 10), seed=seed
        )
        return GeneratorConfig(
            "omniglot", root=options.root, model="dagan(32)", test=0.2, classes=classes, fit=fit_settings
        )

    digits = load("mnist", "test", root=options.root)
    by_shots: dict[int, dict[str, list[np.ndarray]]] = {1: {}, 5: {}}
    for seed in seeds:
        model = trained(config(seed, None), runs / f"all-{seed}").model
        learner = meta_trained(load_generator_sources(config(seed, None), "item").training, "none", seed, learner_steps)
        for shots, arms in by_shots.items():
            sampler = EpisodeSampler(digits, 10, shots, 10, seed=0)
            for arm, plan in (
                ("nothing", Plan()),
                ("given", Plan.parse(GIVEN)),
                ("made", Plan.parse("shots: 10 x learned").with_augmenter(GeneratedShots(model))),
            ):
                arms.setdefault(arm, []).append(evaluate_tasks(learner, sampler, tasks, plan).accuracy)

    by_classes: dict[int, dict[str, list[np.ndarray]]] = {size: {} for size in sizes}
    for seed in seeds:
        for size, arms in by_classes.items():
            parts = load_generator_sources(config(seed, size), "item")
            model = trained(config(seed, size), runs / f"{size}-{seed}").model
            new = made_classes(model, parts.training, 20 if tiny else 10 * size, 20, seed)
            sampler = EpisodeSampler(parts.test, 5, 1, 5, seed=0)
            for arm, source, plan in (
                ("nothing", parts.training, "none"),
                ("turned", parts.training, "task: turn"),
                ("made classes", join(parts.training, new), "none"),
                ("made and turned", join(parts.training, new), "task: turn"),
            ):
                learner = meta_trained(source, plan, seed, learner_steps)
                arms.setdefault(arm, []).append(evaluate_tasks(learner, sampler, tasks).accuracy)
    found = {
        "digits": {str(shots): compared(arms) for shots, arms in by_shots.items()},
        "classes": {str(size): compared(arms) for size, arms in by_classes.items()},
    }
    print(found)
    if not tiny:
        write("cross_task", {"command": "python experiments/cross_task.py", "seeds": seeds, "tasks": tasks, **found})


if __name__ == "__main__":
    main()
