"""What the experiments with generated pictures share: trainings that go on, classifiers by arm, and tables of arms."""

from pathlib import Path

import numpy as np
import torch
from classifier import accuracy

from manyshot.augment import Op
from manyshot.base.seeds import generator
from manyshot.generate import GenerativeModel
from manyshot.generate.generated_source import generate_examples
from manyshot.generate.generator_config import GeneratorConfig
from manyshot.generate.generator_run import GeneratorRun, load_generator_run, train_generator
from manyshot.tasks import Source
from manyshot.training import holm, paired_difference


def trained(config: GeneratorConfig, folder: Path) -> GeneratorRun:
    """The run of the folder, which is trained if it is not there, or goes on where it was stopped.

    Raises:
        InputError: if the folder holds a training with other settings.
    """
    train_generator(config, folder, resume=(folder / "config.json").exists(), title=folder.name)
    return load_generator_run(folder)


def position_in_class(source: Source, seed: int) -> np.ndarray:
    """The place of each item in an order of its class that is drawn, `[items]` from 0."""
    position = np.zeros(len(source), dtype=int)
    for name, start, count in zip(source.class_names, source.starts.tolist(), source.counts.tolist(), strict=False):
        position[start + torch.randperm(count, generator=generator(seed, "place", name)).numpy()] = np.arange(count)
    return position


def evaluated(
    real: Source,
    test: Source,
    models: dict[str, GenerativeModel],
    op: Op,
    each: int,
    number: int,
    seed: int,
    steps: int,
) -> dict[str, float]:
    """The accuracy of a classifier on test items, by arm: each source of more items, as it is and changed.

    Args:
        real: what a classifier learns from.
        test: what it is tested on.
        models: make more of the real items, by name.
        op: augmentation by a fixed plan.
        each: generated items per class.
        number: of the items to learn from; seeds what is generated from them.
        seed: of the classifiers.
        steps: of each.
    """
    generated = {name: generate_examples(model, real, each, number) for name, model in models.items()}
    result = {}
    for name, more in {"nothing": None, **generated}.items():
        both = "augmented" if more is None else f"{name} and augmented"
        for arm, changed in ((name, None), (both, op)):
            result[arm] = float(accuracy(real, more, test, changed, seed, steps).mean())
    return result


def compared(right: dict[str, list[np.ndarray]], *against: str) -> dict:
    """Accuracy of each arm, and its paired differences from some of them, with p-values corrected for the arms (Holm).

    Args:
        right: by arm, for each seed the accuracy of each task (of each classifier, or test item).
        against: arms.
    """
    stacked = {arm: np.stack(rows) for arm, rows in right.items()}
    result = {
        "accuracy": {arm: float(rows.mean()) for arm, rows in stacked.items()},
        "by_seed": {arm: rows.mean(1).tolist() for arm, rows in stacked.items()},
        "difference": {},
    }
    for other in against:
        gaps = {arm: paired_difference(rows, stacked[other]) for arm, rows in stacked.items() if arm != other}
        corrected = holm([gap.p_value for gap in gaps.values()])
        result["difference"][other] = {
            arm: gap.as_dict() | {"p_value_holm": p} for (arm, gap), p in zip(gaps.items(), corrected, strict=True)
        }
    return result
