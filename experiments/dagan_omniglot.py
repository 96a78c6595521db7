"""DAGAN on unseen characters: classifiers of 100 classes from few drawings each, with and without made ones.

DAGAN learns from three quarters of Omniglot's background characters; 100 others are classified by networks that are
trained on the same few drawings of each. The given augmentation is chosen for each number of shots on a further part of
the characters, on which the steps of both trainings were chosen too. Writes results/dagan_omniglot.json; runs that are
there are used.

    python experiments/dagan_omniglot.py --root DATA
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from classifier import best_given
from classifier_arms import compared, evaluated, position_in_class, trained
from run_and_record import write

from manyshot.augment import Plan
from manyshot.base import quieten
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings, load_generator_sources
from manyshot.generate.generator_run import load_generator_run
from manyshot.runtime.clock import cpu_seconds
from manyshot.tasks import Source

SEEDS = (0, 1, 2)
SHOTS = (1, 2, 3, 4)
CLASSES, CLASSIFIERS, TESTED, MADE = 100, 10, 10, 30
CLASSIFIER_STEPS = 400
MODELS = {"dagan": ("dagan(16)", 5e-4, 10_000), "cvae": ("cvae(16, kl_weight=3)", 1e-3, 2500)}
"""The models of characters that experiments use, their rates and their steps."""


def config_of(name: str, root: str, seed: int, tiny: bool = False, steps: int | None = None) -> GeneratorConfig:
    """The settings of a model, trained for its own number of steps or another one."""
    model, rate, its_own = MODELS[name]
    steps = 4 if tiny else steps or its_own
    fit = GeneratorSettings(
        steps=steps, batch_size=32, learning_rate=rate, eval_every=steps, save_every=steps, seed=seed
    )
    return GeneratorConfig("omniglot", root=root, model=model, validation=0.1, test=0.15, fit=fit)


def shots_of(source: Source, shots: int, number: int) -> tuple[Source, Source]:
    """So many drawings of each class to learn from, and ten others to judge on."""
    position, counts = position_in_class(source, number), source.counts[source.labels]
    return source.subset(items=position < shots), source.subset(items=position >= counts - TESTED)


def evaluated_by_seed(
    seed: int, shots: int, folder: Path, config: GeneratorConfig, given: str, classifiers: int, classes: int, steps: int
) -> dict[str, list[float]]:
    """The accuracy of each classifier by arm, for one training seed; a process of its own does this."""
    torch.set_num_threads(1)
    model, op = load_generator_run(folder).model, Plan(given).item_op()
    test = load_generator_sources(config, "item").test
    unseen, result = test.subset(classes=test.class_names[:classes]), []
    for number in range(classifiers):
        real, others = shots_of(unseen, shots, number)
        result.append(evaluated(real, others, {"dagan": model}, op, MADE, number, 1000 * seed + number, steps))
    return {arm: [row[arm] for row in result] for arm in result[0]}


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds omniglot/")
    parser.add_argument("--runs", default="runs/dagan_omniglot", help="where the trainings lie")
    parser.add_argument("--processes", type=int, default=2, help="that evaluate at once")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything, to see that it runs; no result")
    options = parser.parse_args()
    tiny = options.tiny
    quieten(True)
    seeds, all_shots, classifiers, classes, steps = (
        ((0,), (2,), 1, 10, 4) if tiny else (SEEDS, SHOTS, CLASSIFIERS, CLASSES, CLASSIFIER_STEPS)
    )
    folders = {seed: Path(options.runs) / f"dagan-{seed}" for seed in seeds}
    configs = {seed: config_of("dagan", options.root, seed, tiny) for seed in seeds}
    for seed in seeds:
        trained(configs[seed], folders[seed])
    validation = load_generator_sources(configs[0], "item").validation
    right: dict[int, dict[str, list[np.ndarray]]] = {shots: {} for shots in all_shots}
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        choices = {shots: pool.submit(best_given, *shots_of(validation, shots, 0), 0, steps) for shots in all_shots}
        given = {shots: choice.result() for shots, choice in choices.items()}
        print(given, flush=True)
        jobs = {
            (seed, shots): pool.submit(
                evaluated_by_seed, seed, shots, folders[seed], configs[seed], given[shots], classifiers, classes, steps
            )
            for seed in seeds
            for shots in all_shots
        }
        for (seed, shots), job in jobs.items():
            for arm, rows in job.result().items():
                right[shots].setdefault(arm, []).append(np.array(rows))
            print(seed, shots, {arm: round(rows[-1].mean(), 3) for arm, rows in right[shots].items()}, flush=True)
    result = {
        str(shots): {"augmented": given[shots]} | compared(arms, "nothing", "augmented")
        for shots, arms in right.items()
    }
    if not tiny:
        facts = {"seeds": len(seeds), "classes": CLASSES, "classifiers": classifiers, "generated": MADE}
        facts |= {"test_examples": TESTED}
        facts |= {"model": configs[0].model, "steps": configs[0].fit.steps, "classifier_steps": steps}
        facts |= {"cpu_seconds": [cpu_seconds(folder) for folder in folders.values()]}
        write("dagan_omniglot", {"command": "python experiments/dagan_omniglot.py", **facts, "shots": result})


if __name__ == "__main__":
    main()
