"""Load whatever run or model a folder holds."""

from pathlib import Path

from manyshot.classify.model.model import Model
from manyshot.classify.model.save_load_model import is_model, load_model
from manyshot.generate.generator_run import GeneratorRun, load_generator_run
from manyshot.meta_augment.augmenter_run import AugmenterRun, load_augmenter_run
from manyshot.runtime.run_folder import kind_of_run
from manyshot.training.load_run import AUGMENTER, GENERATOR, Run, load_run


def load(folder: Path | str) -> Run | AugmenterRun | GeneratorRun | Model:
    """Load a run, with its best weights, or a fitted model from the folder that it was written to; runs no code.

    Args:
        folder: The `out` folder of `train`, `train_augmenter` or `train_generator`, or of the same on the command line;
            or that of `manyshot fit`.

    Returns:
        A `Run` with a `learner`, an `AugmenterRun` with an `augmenter`, a `GeneratorRun` with a `model`, or a `Model`.

    Raises:
        InputError: If the folder holds no run, or a file is damaged.

    Example:
        >>> load("here")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: here holds no run (no config.json); name a folder that `manyshot train` wrote
    """
    if is_model(folder):
        return load_model(folder)
    kind = kind_of_run(folder)
    if kind == AUGMENTER:
        return load_augmenter_run(folder)
    return load_generator_run(folder) if kind == GENERATOR else load_run(folder)
