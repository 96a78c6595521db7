"""What the experiments with made pictures share: trainings that go on where they stopped, and tables of arms."""

from pathlib import Path

import numpy as np

from manyshot.training import paired_difference
from manyshot.training.generator_config import GeneratorConfig
from manyshot.training.generator_run import GeneratorRun, load_generator_run, train_generator


def trained(config: GeneratorConfig, folder: Path) -> GeneratorRun:
    """The run of the folder, which is trained if it is not there, or goes on where it was stopped."""
    if not (folder / "config.json").exists() or load_generator_run(folder).steps < config.fit.steps:
        train_generator(config, folder, resume=(folder / "config.json").exists(), title=folder.name)
    return load_generator_run(folder)


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
