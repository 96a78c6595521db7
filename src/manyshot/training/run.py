"""A run: the folder that a training writes, and what is read back from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import LEARNERS, Ensemble, Learner
from manyshot.nets import ENCODERS, Norm, PretrainedEncoder, TextEncoder
from manyshot.runtime.checkpoint import load_checkpoint
from manyshot.runtime.device import device_or_cpu
from manyshot.runtime.metrics_log import Row, read_metrics
from manyshot.runtime.run_folder import CONFIG, kind_of_run, read_config
from manyshot.tasks import Source
from manyshot.training.config import Config
from manyshot.training.splits import image_shape

AUGMENTER = "augmenter"
"""The kind of run, in its `config.json`, that holds an augmenter beside its learner."""
GENERATOR = "generator"
"""The kind of a generative model's."""
NOT_A_LEARNER = {
    AUGMENTER: "an augmenter, not a learner; name it by --augmenter, or name {folder}/learner",
    GENERATOR: "a generative model, not a learner; name it by --augmenter, or use `manyshot gan`",
}

MOST_CLASSES = 1_000_000
"""Of a training, as a run's folder may claim."""
SAME_SETTINGS = ("data", "split", "root", "centered", "validation", "test", "split_by", "learner")
"""Settings that the runs of an ensemble have in common, so that they hold out the same classes."""


@dataclass(frozen=True, eq=False)
class Run:
    """A trained learner and where it came from.

    Args:
        config: what it was made from.
        learner: with the best weights, in evaluation mode.
        channels: of the images that it takes; 0 for sentences.
        size: their height and width, in pixels; 0 for sentences.
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

        Single numbers that only the other learner has, such as the penalty of "ridge(penalty=0.1)", are as written;
        what only the run's own learner has beside the encoder is left out.

        Raises:
            InputError: if the weights do not fit it.
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
        """The same weights, with another plan at test time and perhaps another learner.

        Raises:
            InputError: if the weights do not fit the learner.
        """
        used = replace(self, config=replace(self.config, test_plan=test_plan))
        return used if learner is None else used.with_learner(learner)


def _weights_for(other: Learner, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a trained learner as another one names them."""
    wanted = other.state_dict()
    kept = {name: tensor for name, tensor in weights.items() if name in wanted or name.startswith("encoder.")}
    return {name: tensor for name, tensor in wanted.items() if not tensor.ndim and name not in kept} | kept


def make_learner(config: Config, channels: int, size: int, classes: int = 0) -> Learner:
    """A learner with the weights that its seed gives it.

    Args:
        config: names the learner, the encoder and the seed.
        channels: of the images; 0 for sentences.
        size: their height and width, in pixels; 0 for sentences.
        classes: how many there are to train on, for learners that train as classifiers; 0 for one that is not trained.

    Raises:
        InputError: if the encoder takes images and the data are sentences, or the other way about.
    """
    encoder, learner = ENCODERS.parse(config.encoder), LEARNERS.parse(config.learner)
    if (getattr(encoder.factory, "takes", "images") == "text") != (channels == 0):
        sides = ("pictures", "sentences", "minilm or ngrams"), ("sentences", "pictures", "conv4 or resnet12")
        takes, given, mend = sides[0] if channels == 0 else sides[1]
        raise InputError(f"encoder '{config.encoder}' takes {takes}, and the data are {given}; take {mend}, say")

    def make_encoder(norm: Norm) -> torch.nn.Module:
        return encoder.build(channels=channels, size=size, norm=norm)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        ways = Plan(config.plan).most_ways(config.most_ways)
        return learner.build(encoder=make_encoder, ways=ways, classes=classes)


def frozen_run(config: Config, source: Source) -> Run:
    """A pre-trained encoder and a learner as they are: a run without a training.

    Args:
        config: names both.
        source: of what they are to be used on.

    Raises:
        InputError: if the encoder has no weights before it is trained, or the learner adds some that it has not.

    Example:
        >>> from manyshot.datasets import load_dataset
        >>> frozen_run(Config("digits", encoder="conv4"), load_dataset("digits"))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: encoder 'conv4' knows nothing before it is trained; train it, or take a \
pre-trained one, such as efficientnet-lite0, or minilm for sentences
    """
    channels, size = image_shape(source)
    learner = make_learner(config, channels, size)
    encoders = [module for module in learner.modules() if isinstance(module, PretrainedEncoder | TextEncoder)]
    if not encoders:
        raise InputError(
            f"encoder '{config.encoder}' knows nothing before it is trained; train it, or take a pre-trained one, such "
            "as efficientnet-lite0, or minilm for sentences"
        )
    theirs = {id(parameter) for encoder in encoders for parameter in encoder.parameters()}
    if any(parameter.ndim for parameter in learner.parameters() if id(parameter) not in theirs):
        raise InputError(
            f"learner '{config.learner}' has weights of its own that have to be trained first; take one without, such "
            "as prototypes or ridge"
        )
    return Run(config, learner.eval(), channels, size, [])


def load_run(folder: Path | str) -> Run:
    """Read a run back, with its best weights, onto its device where this machine has it; runs no code from the folder.

    Raises:
        InputError: if the folder is no run, or a file is damaged.
    """
    folder = Path(folder)
    config, channels, size, classes = _read_config(folder)
    learner = make_learner(config, channels, size, classes)
    best = folder / "best.safetensors"
    load_checkpoint(best if best.exists() else folder / "last.safetensors", learner)
    learner.to(device_or_cpu(config.fit.device)).eval()
    return Run(config, learner, channels, size, read_metrics(folder / "metrics.jsonl"), folder)


def load_ensemble(folders: Sequence[Path | str], learner: str | None = None) -> Run:
    """Load one run, or several as one whose learner averages their predictions.

    Args:
        folders: of runs on the same data, at least one.
        learner: uses the weights of each, see `Run.with_learner`; the runs' own if None.

    Returns:
        The first run; with several folders its learner is an `Ensemble`, it has no folder, and its settings name no
        number of training classes, since other seeds are trained on others.

    Raises:
        InputError: if a run cannot be read, is named twice, or was trained on other data than the first.

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
    """The settings of the run in a folder, as its `config.json` holds them.

    Raises:
        InputError: if it holds none, or a damaged one.
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
    if not ((1 <= channels <= 4096 and 1 <= size <= 4096) or channels == size == 0):
        raise InputError(f"{path}: channels={channels}, size={size}: out of range")
    if not 0 <= classes <= MOST_CLASSES:
        raise InputError(f"{path}: training_classes={classes}: out of range")
    return config, channels, size, classes
