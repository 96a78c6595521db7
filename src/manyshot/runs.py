"""Load whatever run a folder holds."""

from pathlib import Path

from manyshot.generate.train import GeneratorRun, load_generator_run
from manyshot.meta_augment.augmenter_run import AugmenterRun, load_augmenter_run
from manyshot.runtime.run_folder import kind_of_run
from manyshot.training.run import AUGMENTER, GENERATOR, Run, load_run


def load(folder: Path | str) -> Run | AugmenterRun | GeneratorRun:
    """Load a run from the folder that a training wrote, with its best weights; runs no code from the folder.

    Args:
        folder: The `out` folder of `train`, `train_augmenter` or `train_generator`, or of the same on the command line.

    Returns:
        A `Run` with a `learner`, an `AugmenterRun` with an `augmenter`, or a `GeneratorRun` with a `model`.

    Raises:
        InputError: If the folder holds no run, or a file is damaged.

    Example:
        >>> load("here")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: here holds no run (no config.json); name a folder that `manyshot train` wrote
    """
    kind = kind_of_run(folder)
    if kind == AUGMENTER:
        return load_augmenter_run(folder)
    return load_generator_run(folder) if kind == GENERATOR else load_run(folder)
