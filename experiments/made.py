"""What the experiments with made pictures share: trainings that go on, classifiers by arm, and tables of arms."""

from pathlib import Path

import numpy as np
from classifier import accuracy

from manyshot.augment import Op
from manyshot.generate import ItemGenerator
from manyshot.generate.made_source import made_items
from manyshot.tasks import Source
from manyshot.training import paired_difference
from manyshot.training.generator_config import GeneratorConfig
from manyshot.training.generator_run import GeneratorRun, load_generator_run, train_generator


def trained(config: GeneratorConfig, folder: Path) -> GeneratorRun:
    """The run of the folder, which is trained if it is not there, or goes on where it was stopped."""
    if not (folder / "config.json").exists() or load_generator_run(folder).steps < config.fit.steps:
        train_generator(config, folder, resume=(folder / "config.json").exists(), title=folder.name)
    return load_generator_run(folder)


def judged(
    real: Source, test: Source, models: dict[str, ItemGenerator], op: Op, each: int, number: int, seed: int, steps: int
) -> dict[str, np.ndarray]:
    """Whether classifiers tell test items right, `[items]`, by arm: each source of more items, as it is and changed.

    Args:
        real: what a classifier learns from.
        test: what it is judged on.
        models: make more of the real items, by name.
        op: given augmentation.
        each: made items a class.
        number: seeds what is made.
        seed: of the classifiers.
        steps: of each.
    """
    made = {name: made_items(model, real, each, number) for name, model in models.items()}
    found = {}
    for name, more in {"nothing": None, **made}.items():
        found[name] = accuracy(real, more, test, None, seed, steps)
        found["given" if more is None else f"{name} and given"] = accuracy(real, more, test, op, seed, steps)
    return found


def compared(right: dict[str, list[np.ndarray]], *against: str) -> dict:
    """Accuracy of each arm, and its paired differences from some of them.

    Args:
        right: by arm, for each seed whether each judged item is classified right, or the accuracy of each task.
        against: arms.
    """
    stacked = {arm: np.stack(rows) for arm, rows in right.items()}
    return {
        "accuracy": {arm: float(rows.mean()) for arm, rows in stacked.items()},
        "by_seed": {arm: rows.mean(1).tolist() for arm, rows in stacked.items()},
        "difference": {
            other: {
                arm: paired_difference(rows, stacked[other]).as_dict() for arm, rows in stacked.items() if arm != other
            }
            for other in against
        },
    }
