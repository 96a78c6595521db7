"""The encoder by which a generative model of pictures is judged where no other run's is named."""

from manyshot.base import InputError
from manyshot.generate.train import GeneratorRun
from manyshot.training.config import Config
from manyshot.training.run import Run, load_run
from manyshot.training.settings import Settings
from manyshot.training.train import is_trained, train

FOLDER = "encoder"
ENCODER, STEPS = "conv4(32, 32, 32, 32)", 400


def own_encoder(run: GeneratorRun) -> Run:
    """Train a small classifier of the data that a model's training did not set aside, and keep it in the run's folder.

    What was kept is used again. It sees all classes and items of the training part, also those that `classes` and
    `per_class` left out.

    Args:
        run: of pictures, on disk.

    Raises:
        InputError: if there are too few classes or items to train an encoder on.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from pathlib import Path
        >>> from manyshot.generate.config import GeneratorConfig, GeneratorSettings
        >>> from manyshot.generate.train import train_generator
        >>> settings = GeneratorSettings(steps=2, eval_every=2, eval_examples=8)
        >>> with TemporaryDirectory() as folder:
        ...     run = train_generator(GeneratorConfig("digits", model="gan(4)", fit=settings), Path(folder) / "run")
        ...     own_encoder(run).config.learner
        'probe'
    """
    assert run.folder is not None
    settings, folder = run.config, run.folder / FOLDER
    config = Config(
        settings.data,
        settings.split,
        root=settings.root,
        size=settings.size,
        centered=settings.centered,
        learner="probe",
        encoder=ENCODER,
        ways=2,
        queries=1,
        validation=settings.validation,
        test=settings.test,
        split_by="class" if run.model.wants in ("item", "mean") else "item",
        fit=Settings(steps=STEPS, meta_batch_size=32, eval_every=STEPS, device=settings.fit.device),
    )
    try:
        if is_trained(config, folder):
            return load_run(folder)
        return train(config, folder, resume=(folder / "config.json").exists(), title="encoder")
    except InputError as error:
        raise InputError(
            f"{error}; for the score, name a run whose encoder knows such pictures (--encoder-run)"
        ) from None
