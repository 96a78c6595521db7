"""Made classes as further training tasks, where there are few characters to train on.

A DAGAN learns from 10, 20 or 50 of Omniglot's characters and makes classes between them; a prototypical network trains
on tasks of both, and is judged on characters that neither saw. Writes results/new_classes.json; runs that are there
are used.

    python experiments/new_classes.py --root DATA
"""

from dataclasses import replace

import numpy as np
from classifier_arms import compared, trained
from cross_task import meta_trained
from dagan_omniglot import config_of
from run_and_record import parse_options, write

from manyshot.base import quieten
from manyshot.generate.generated_source import generate_classes
from manyshot.generate.generator_config import load_generator_sources
from manyshot.runtime.clock import cpu_seconds
from manyshot.tasks import EpisodeSampler, join_sources
from manyshot.training import evaluate_tasks

SEEDS = (0, 1, 2)
SIZES = (10, 20, 50)
STEPS, LEARNER_STEPS, TASKS = 1000, 300, 400
TIMES, EACH = 5, 20
"""Made classes for each real one, and items of each."""


def main() -> None:
    """Train, evaluate, write."""
    options = parse_options(__doc__, "omniglot/", "runs/new_classes")
    tiny = options.tiny
    quieten(True)
    seeds, sizes, steps, learner_steps, tasks = (
        ((0,), (10,), 4, 2, 4) if tiny else (SEEDS, SIZES, STEPS, LEARNER_STEPS, TASKS)
    )
    result = {}
    for size in sizes:
        accuracy: dict[str, list[np.ndarray]] = {}
        seconds = []
        for seed in seeds:
            config = config_of("dagan", options.root, seed, tiny)
            fit = replace(config.fit, steps=steps, eval_every=steps, save_every=steps)
            config = replace(config, classes=size, validation=0.0, fit=fit)
            folder = options.runs / f"{size}-{seed}"
            model = trained(config, folder).model
            seconds.append(cpu_seconds(folder))
            parts = load_generator_sources(config, "item")
            real, new = parts.training, generate_classes(model, parts.training, TIMES * size, EACH, seed)
            sampler = EpisodeSampler(parts.test, 5, 1, 5, seed=0)
            for arm, source, plan in (
                ("nothing", real, "none"),
                ("turned", real, "task: turn"),
                ("new classes", join_sources(real, new), "none"),
                ("new and turned", join_sources(real, new), "task: turn"),
            ):
                learner = meta_trained(source, plan, seed, learner_steps)
                accuracy.setdefault(arm, []).append(evaluate_tasks(learner, sampler, tasks).accuracy)
        result[str(size)] = {"cpu_seconds": seconds} | compared(accuracy, "nothing", "turned")
        print(size, result[str(size)]["accuracy"], seconds, flush=True)
    if not tiny:
        facts = {"seeds": len(seeds), "tasks": tasks, "steps": steps, "times": TIMES, "each": EACH}
        facts |= {"learner_steps": learner_steps}
        write("new_classes", {"command": "python experiments/new_classes.py", **facts, "sizes": result})


if __name__ == "__main__":
    main()
