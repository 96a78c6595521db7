"""The encoder that scores a generative model of images where no other run's encoder is named."""

from manyshot.base import InputError
from manyshot.generate.generator_run import GeneratorRun
from manyshot.training.fit_settings import Settings
from manyshot.training.load_run import Run, load_run
from manyshot.training.run_config import Config
from manyshot.training.train_from_config import is_trained, train

FOLDER = "encoder"
ENCODER = "conv4(32, 32, 32, 32)"


def train_scoring_encoder(run: GeneratorRun, steps: int = 400) -> Run:
    """Train a small classifier on the training part of a model's data, and store it in the run's folder.

    An encoder that is stored there already is loaded instead. It sees all classes and examples of the training part,
    including those that `classes` and `per_class` left out.

    Args:
        run: Run of a model of images, on disk.
        steps: Number of updates of the classifier.

    Raises:
        InputError: If there are too few classes or examples to train an encoder on.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from pathlib import Path
        >>> from manyshot.generate.generator_config import GeneratorConfig, GeneratorSettings
        >>> from manyshot.generate.generator_run import train_generator
        >>> settings = GeneratorSettings(steps=2, eval_every=2, eval_examples=8)
        >>> config = GeneratorConfig("digits", size=16, model="gan(4)", fit=settings)
        >>> with TemporaryDirectory() as folder:
        ...     run = train_generator(config, Path(folder) / "run")
        ...     train_scoring_encoder(run, steps=2).config.learner
        'probe'
    """
    assert run.folder is not None
    settings, folder = run.config, run.folder / FOLDER
    config = Config(
        settings.data,
        **settings.loading,
        learner="probe",
        encoder=ENCODER,
        ways=2,
        queries=1,
        validation=settings.validation,
        test=settings.test,
        split_by="class" if run.model.conditioning in ("item", "mean") else "item",
        fit=Settings(steps=steps, meta_batch_size=32, eval_every=steps, device=settings.fit.device),
    )
    try:
        if is_trained(config, folder):
            return load_run(folder)
        return train(config, folder, resume=(folder / "config.json").exists(), title="encoder")
    except InputError as error:
        raise InputError(f"{error}; or name a run with an encoder of such images (--encoder-run)") from None
