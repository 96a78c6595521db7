"""A run: the folder that a training writes, and what is read back from it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError, read_json, write_json
from manyshot.datasets import load as load_data
from manyshot.learners import Learner
from manyshot.nets import Norm
from manyshot.tasks import Source
from manyshot.training.checkpoint import load_checkpoint
from manyshot.training.config import Config, encoder_options, learner_options
from manyshot.training.device import device_or_cpu
from manyshot.training.fit import fit
from manyshot.training.metrics import Row, read_metrics

CONFIG = "config.json"


@dataclass(frozen=True, eq=False)
class Run:
    """A trained learner and where it came from.

    Args:
        config: what it was made from.
        learner: with the best weights, in evaluation mode.
        channels: of the images that it takes.
        size: their height and width, in pixels.
        rows: the record of the training.
        folder: where it lies, if anywhere.
    """

    config: Config
    learner: Learner
    channels: int
    size: int
    rows: list[Row]
    folder: Path | None = None

    def with_learner(self, text: str) -> "Run":
        """The same weights used by another learner, such as "prototypes(nearest)".

        Raises:
            InputError: if the weights do not fit it.
        """
        other = make_learner(replace(self.config, learner=text), self.channels, self.size)
        try:
            other.load_state_dict(self.learner.state_dict())
        except RuntimeError:
            raise InputError(
                f"learner '{text}' has other weights than '{self.config.learner}', which the run was trained with"
            ) from None
        return replace(self, learner=other.eval())


def make_learner(config: Config, channels: int, size: int) -> Learner:
    """A learner with the weights that its seed gives it.

    Args:
        config: names the learner, the encoder and the seed.
        channels: of the images.
        size: their height and width, in pixels.
    """
    encoder = encoder_options(config.encoder)

    def make_encoder(norm: Norm) -> torch.nn.Module:
        return encoder.make(channels, size, norm)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        return learner_options(config.learner).make(make_encoder, config.most_ways)


@dataclass(frozen=True, eq=False)
class Sources:
    """A run's data, in parts that have no class (or group, or item) in common; the same for every seed.

    Args:
        training: what is learned from.
        validation: what the best weights are chosen by, if anything.
        test: what is judged by alone, if anything.
    """

    training: Source
    validation: Source | None = None
    test: Source | None = None


def load_sources(config: Config) -> Sources:
    """Load a run's data and divide it as its settings say.

    Raises:
        InputError: if the data cannot be read, or a part would be too small for a task.
    """
    source = load_data(config.data, config.split, root=config.root, size=config.size)
    shares = {"training": 1 - config.validation - config.test, "validation": config.validation, "test": config.test}
    shares = {name: share for name, share in shares.items() if share}
    if len(shares) == 1:
        return Sources(source)
    parts = dict(zip(shares, source.split(tuple(shares.values()), seed=0, by=config.split_by), strict=True))
    for name, part in parts.items():
        if len(part.class_names) < 2:
            raise InputError(
                f"{name}={shares[name]:g} of {source.name}'s {len(source.class_names)} classes is 1 class; give "
                "a larger share, or 0 for none, or split_by='item'"
            )
    return Sources(**parts)


def train(config: Config, folder: Path | None = None, resume: bool = False, title: str = "train") -> Run:
    """Make a run from its settings.

    Args:
        config: what to train, on what.
        folder: where the run lies afterwards; None keeps nothing on disk.
        resume: go on with the run in the folder, which must have the same settings.
        title: what the progress bar says.

    Raises:
        InputError: if the folder holds something else, or the data cannot be used.
        TrainingDiverged: see `fit`.

    Example:
        >>> from manyshot.training import Settings
        >>> config = Config("digits", encoder="conv4(8, 8, 8, 8)", fit=Settings(steps=2, validation_tasks=2))
        >>> [sorted(row) for row in train(config).rows]
        [['loss', 'step'], ['loss', 'step'], ['step', 'validation_accuracy']]
    """
    if folder is not None:
        _claim(folder, config, resume)
    sources = load_sources(config)
    channels, size = image_shape(sources.training)
    learner = make_learner(config, channels, size)
    if folder is not None:
        write_json(folder / CONFIG, {"config": config.as_dict(), "channels": channels, "size": size})
    rows = fit(
        learner,
        config.sampler(sources.training),
        config.fit,
        Plan.parse(config.plan),
        None if sources.validation is None else config.validation_sampler(sources.validation),
        folder,
        resume,
        title,
    )
    return Run(config, learner, channels, size, rows, folder)


def load_run(folder: Path | str) -> Run:
    """Read a run back, with its best weights, onto its device where this machine has it; runs no code from the folder.

    Raises:
        InputError: if the folder is no run, or a file is damaged.
    """
    folder = Path(folder)
    config, channels, size = _read_config(folder)
    learner = make_learner(config, channels, size)
    best = folder / "best.safetensors"
    load_checkpoint(best if best.exists() else folder / "last.safetensors", learner)
    learner.to(device_or_cpu(config.fit.device)).eval()
    return Run(config, learner, channels, size, read_metrics(folder / "metrics.jsonl"), folder)


def _claim(folder: Path, config: Config, resume: bool) -> None:
    """Make sure that the folder is free, or holds the run that is to go on."""
    if (folder / CONFIG).exists():
        if not resume:
            raise InputError(f"{folder} holds a run already; go on with it by --resume, or choose another --out")
        before = _read_config(folder)[0].as_dict()
        changed = [name for name, value in config.as_dict().items() if json.dumps(value) != json.dumps(before[name])]
        if changed:
            raise InputError(f"{folder} was made with another {changed[0]}; resume with the run's own settings")
    elif folder.exists() and (not folder.is_dir() or any(not file.name.startswith(".") for file in folder.iterdir())):
        raise InputError(f"{folder} is not empty and holds no run; choose another --out")


def _read_config(folder: Path) -> tuple[Config, int, int]:
    path = folder / CONFIG
    if not path.exists():
        raise InputError(f"{folder} holds no run (no {CONFIG}); name a folder that `manyshot train` wrote")
    values = read_json(path)
    try:
        channels, size = int(values["channels"]), int(values["size"])
        config = Config.from_dict(values["config"], str(path))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a run's settings ({error})") from None
    if not (1 <= channels <= 4096 and 1 <= size <= 4096):
        raise InputError(f"{path}: channels={channels}, size={size}: out of range")
    return config, channels, size


def image_shape(source: Source) -> tuple[int, int]:
    """Channels, and height and width in pixels, of a source of square images.

    Raises:
        InputError: if its items are anything else.
    """
    store = source.store
    if not isinstance(store, Tensor) or store.ndim != 4 or store.shape[2] != store.shape[3]:
        raise InputError(f"{source.name}: training takes square images; load them with a size")
    return store.shape[1], store.shape[2]
