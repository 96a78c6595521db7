"""Across tasks: generators that learned from Omniglot's characters make more of digits, as shots of 10-way tasks.

The generators are those of experiments/dagan_omniglot.py; they are trained if they are not there. A prototypical
network is trained on the same characters. Writes results/cross_task.json.

    python experiments/cross_task.py --root DATA
"""

import numpy as np
import torch
from classifier_arms import compared, trained
from dagan_omniglot import MODELS, config_of
from run_and_record import parse_options, write

from manyshot.augment import Plan
from manyshot.base import quieten
from manyshot.datasets import load_dataset
from manyshot.generate.generator_config import load_generator_sources
from manyshot.learners import Prototypes
from manyshot.nets import Conv4
from manyshot.samples.generated_shots import GeneratedShots
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Settings, evaluate_tasks, fit

SEEDS = (0, 1, 2)
SHOTS = (1, 5)
LEARNER_STEPS, TASKS, WAYS, QUERIES = 300, 200, 10, 5
GIVEN = "shots: 5 x affine(15) elastic(0.1)"
MADE = "shots: 5 x learned"


def meta_trained(source: Source, plan: str, seed: int, steps: int) -> Prototypes:
    """Prototypes, meta-trained on 5-way 1-shot tasks of a source."""
    torch.manual_seed(seed)
    learner = Prototypes(Conv4(1, 28, (32, 32, 32, 32)))
    settings = Settings(steps=steps, seed=seed, save_every=steps)
    fit(learner, EpisodeSampler(source, 5, 1, 5, seed=seed), settings, Plan(plan), title=f"{source.name} {plan}")
    return learner


def main() -> None:
    """Train, evaluate, write."""
    options = parse_options(__doc__, "omniglot/ and mnist/", "runs/dagan_omniglot")
    tiny, runs = options.tiny, options.runs
    quieten(True)
    seeds, steps, tasks = ((0,), 2, 4) if tiny else (SEEDS, LEARNER_STEPS, TASKS)
    digits = load_dataset("mnist", "test", root=options.root)
    accuracy: dict[int, dict[str, list[np.ndarray]]] = {shots: {} for shots in SHOTS}
    for seed in seeds:
        models = {
            name: trained(config_of(name, options.root, seed, tiny), runs / f"{name}-{seed}").model for name in MODELS
        }
        characters = load_generator_sources(config_of("dagan", options.root, seed, tiny), "item").training
        learner = meta_trained(characters, "none", seed, steps)
        plans = {"nothing": Plan(), "augmented": Plan(GIVEN)}
        plans |= {name: Plan(MADE).with_augmenter(GeneratedShots(model)) for name, model in models.items()}
        for shots, arms in accuracy.items():
            sampler = EpisodeSampler(digits, WAYS, shots, QUERIES, seed=0)
            for arm, plan in plans.items():
                arms.setdefault(arm, []).append(evaluate_tasks(learner, sampler, tasks, plan).accuracy)
            print(seed, shots, {arm: round(float(rows[-1].mean()), 3) for arm, rows in arms.items()}, flush=True)
    result = {str(shots): compared(arms, "nothing", "augmented") for shots, arms in accuracy.items()}
    if not tiny:
        facts = {"seeds": len(seeds), "tasks": tasks, "ways": WAYS, "augmented": GIVEN, "generated": MADE}
        write("cross_task", {"command": "python experiments/cross_task.py", **facts, "shots": result})


if __name__ == "__main__":
    main()
