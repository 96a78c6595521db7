"""A run: a trained learner with its settings, and reading it from the folder that its training wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import LEARNERS, Ensemble, Learner
from manyshot.nets import ENCODERS, Norm, PartsEncoder, PretrainedEncoder, SoundEncoder, TextEncoder
from manyshot.runtime.checkpoint import load_checkpoint
from manyshot.runtime.device import device_or_cpu
from manyshot.runtime.metrics_log import Row, read_metrics
from manyshot.runtime.run_folder import CONFIG, kind_of_run, read_config
from manyshot.tasks import Source
from manyshot.training.run_config import Config
from manyshot.training.splits import OF_PARTS, image_shape

AUGMENTER = "augmenter"
"""Kind, in `config.json`, of the run of an augmenter, which holds its learner as well."""
GENERATOR = "generator"
"""Kind, in `config.json`, of the run of a generative model."""
NOT_A_LEARNER = {
    AUGMENTER: "an augmenter, not a learner; name it by --augmenter, or name {folder}/learner",
    GENERATOR: "a generative model, not a learner; name it by --augmenter, or use `manyshot gan`",
}

MOST_CLASSES = 1_000_000
"""Upper bound of the number of training classes that a folder's `config.json` may state."""
MOST_SAMPLES = 1_000_000
"""Upper bound of the number of samples of a sound, likewise: a minute."""
SIDES = {
    "images": ("pictures", "conv4 or resnet12"),
    "sounds": ("recordings", "speech or spectrogram"),
    "text": ("sentences", "minilm or ngrams"),
    "parts": ("examples of several parts", "parts"),
}
"""What encoders take, as users call it, and encoders that take it."""
SAME_SETTINGS = ("data", "split", "root", "centered", "validation", "test", "split_by", "learner")
"""Settings that the runs of an ensemble must share, so that they hold out the same classes."""


@dataclass(frozen=True, eq=False)
class Run:
    """A trained learner with its settings.

    Args:
        config: Settings of the run.
        learner: Learner with the best weights, in evaluation mode.
        channels: Number of channels of its images; 0 for sentences.
        size: Height and width of its images, in pixels; 0 for sentences.
        rows: Log of the training, see `fit`.
        folder: Folder of the run, if it has one.
    """

    config: Config
    learner: Learner
    channels: int
    size: int
    rows: list[Row]
    folder: Path | None = None

    def with_learner(self, text: str) -> "Run":
        """The same weights in another learner, such as "prototypes(nearest)".

        Scalar parameters that only the other learner has, such as the penalty of "ridge(penalty=0.1)", keep their
        values. Weights that only the run's own learner has are dropped.

        Args:
            text: Learner with its options.

        Raises:
            InputError: If the weights do not fit the learner.
        """
        other = make_learner(replace(self.config, learner=text), self.channels, self.size)
        other.to(next((weight.device for weight in self.learner.parameters()), torch.device("cpu")))
        try:
            other.load_state_dict(_weights_for(other, self.learner.state_dict()))
        except RuntimeError:
            raise InputError(
                f"learner '{text}' has other weights than '{self.config.learner}', which the run was trained with"
            ) from None
        return replace(self, learner=other.eval())

    def with_test_plan(self, test_plan: str, learner: str | None = None) -> "Run":
        """The same weights with another test plan and, if one is given, another learner.

        Args:
            test_plan: Augmentation at test time.
            learner: Learner with its options; the run's own if None.

        Raises:
            InputError: If the weights do not fit the learner.
        """
        used = replace(self, config=replace(self.config, test_plan=test_plan))
        return used if learner is None else used.with_learner(learner)


def _weights_for(other: Learner, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a trained learner that another learner has as well, and that learner's own scalars."""
    wanted = other.state_dict()
    kept = {name: tensor for name, tensor in weights.items() if name in wanted or name.startswith("encoder.")}
    return {name: tensor for name, tensor in wanted.items() if not tensor.ndim and name not in kept} | kept


def make_learner(config: Config, channels: int, size: int, classes: int = 0) -> Learner:
    """A learner with initial weights, which are drawn by the seed of the run.

    Args:
        config: Settings of the run, of which the learner, the encoder, the tasks and the seed are used.
        channels: Number of channels of the images; 0 for sentences and sounds.
        size: Height and width of the images, in pixels; the number of samples of sounds; 0 for sentences.
        classes: Number of training classes, for learners that train as classifiers; 0 if it will not be trained.

    Raises:
        InputError: If the encoder takes images and the data are sentences, or vice versa.
    """
    encoder, learner = ENCODERS.parse(config.encoder), LEARNERS.parse(config.learner)
    takes = getattr(encoder.factory, "takes", "images")
    given = "images" if channels else "parts" if size == OF_PARTS else "sounds" if size else "text"
    if takes != given:
        (wanted, _), (kind, hint) = SIDES[takes], SIDES[given]
        raise InputError(f"encoder '{config.encoder}' takes {wanted}, and the data are {kind}; try {hint}")

    def make_encoder(norm: Norm) -> torch.nn.Module:
        return encoder.build(channels=channels, size=size, norm=norm)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        ways = Plan(config.plan).most_ways(config.most_ways)
        return learner.build(encoder=make_encoder, ways=ways, classes=classes)


def frozen_run(config: Config, source: Source) -> Run:
    """A run without training, from a pre-trained encoder and a learner without weights of its own.

    Args:
        config: Settings of the run, of which the encoder and the learner are used.
        source: Source that the run will be used on.

    Raises:
        InputError: If the encoder is not pre-trained, or the learner has weights that have to be trained.

    Example:
        >>> from manyshot.datasets import load_dataset
        >>> frozen_run(Config("digits", encoder="conv4"), load_dataset("digits"))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: encoder 'conv4' knows nothing before it is trained; train it, or take a \
pre-trained one, such as efficientnet-lite0, minilm for sentences or speech for recordings
    """
    channels, size = image_shape(source, volumes=True)
    learner = make_learner(config, channels, size)
    frozen = PretrainedEncoder | SoundEncoder | TextEncoder | PartsEncoder
    encoders = [module for module in learner.modules() if isinstance(module, frozen)]
    if not encoders:
        raise InputError(
            f"encoder '{config.encoder}' knows nothing before it is trained; train it, or take a pre-trained one, such "
            "as efficientnet-lite0, minilm for sentences or speech for recordings"
        )
    pretrained = {id(parameter) for encoder in encoders for parameter in encoder.parameters()}
    if any(parameter.ndim for parameter in learner.parameters() if id(parameter) not in pretrained):
        raise InputError(
            f"learner '{config.learner}' has weights of its own that have to be trained first; take one without, such "
            "as prototypes or ridge"
        )
    return Run(config, learner.eval(), channels, size, [])


def load_run(folder: Path | str) -> Run:
    """Load a run with its best weights, onto its device if this machine has it; runs no code from the folder.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: If the folder holds no run, or a file is damaged.
    """
    folder = Path(folder)
    config, channels, size, classes = _read_config(folder)
    learner = make_learner(config, channels, size, classes)
    best = folder / "best.safetensors"
    load_checkpoint(best if best.exists() else folder / "last.safetensors", learner, steps=config.fit.steps)
    learner.to(device_or_cpu(config.fit.device)).eval()
    return Run(config, learner, channels, size, read_metrics(folder / "metrics.jsonl"), folder)


def load_ensemble(folders: Sequence[Path | str], learner: str | None = None) -> Run:
    """Load one run, or several as one whose learner averages their predictions.

    Args:
        folders: Folders of runs on the same data; at least one.
        learner: Learner that uses the weights of each run, see `Run.with_learner`; the runs' own if None.

    Returns:
        The first run. With several folders, its learner is an `Ensemble`, it has no folder, and `classes` of its
        settings is None, since runs with other seeds were trained on other classes.

    Raises:
        InputError: If a run cannot be read, is named twice, or was trained on other data than the first.

    Example:
        >>> load_ensemble(["nowhere"])
        Traceback (most recent call last):
        manyshot.base.errors.InputError: nowhere holds no run (no config.json); name a folder that `manyshot train` \
wrote
    """
    paths = [Path(folder).resolve() for folder in folders]
    runs = [load_run(folder) for folder in folders]
    runs = runs if learner is None else [run.with_learner(learner) for run in runs]
    first = runs[0]
    for number, (folder, run) in enumerate(zip(folders, runs, strict=True)):
        if paths[number] in paths[:number]:
            raise InputError(f"{folder} is named twice; an ensemble needs different runs")
        for name in SAME_SETTINGS:
            own, theirs = getattr(run.config, name), getattr(first.config, name)
            if own != theirs:
                raise InputError(
                    f"{folder}: {name}={own}, but {folders[0]} has {name}={theirs}; they cannot go together"
                )
        if (run.channels, run.size) != (first.channels, first.size):
            raise InputError(f"{folder}: items of another shape than those of {folders[0]}; they cannot go together")
    if len(runs) == 1:
        return first
    members = Ensemble([run.learner for run in runs]).eval()
    return replace(first, config=replace(first.config, classes=None), learner=members, folder=None)


def settings_in(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: If the folder holds no run, or its `config.json` is damaged.
    """
    return _read_config(folder)[0].as_dict()


def _read_config(folder: Path) -> tuple[Config, int, int, int]:
    path = folder / CONFIG
    if not path.exists():
        raise InputError(f"{folder} holds no run (no {CONFIG}); name a folder that `manyshot train` wrote")
    values = read_config(folder)
    kind = kind_of_run(folder)
    if kind in NOT_A_LEARNER:
        raise InputError(f"{folder} holds {NOT_A_LEARNER[kind].format(folder=folder)}")
    try:
        channels, size = int(values["channels"]), int(values["size"])
        classes = int(values.get("training_classes", 0))
        config = Config.from_dict(values["config"], str(path))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a run's settings ({error})") from None
    if not ((1 <= channels <= 4096 and 1 <= size <= 4096) or (channels == 0 and OF_PARTS <= size <= MOST_SAMPLES)):
        raise InputError(f"{path}: channels={channels}, size={size}: out of range")
    if not 0 <= classes <= MOST_CLASSES:
        raise InputError(f"{path}: training_classes={classes}: out of range")
    return config, channels, size, classes
