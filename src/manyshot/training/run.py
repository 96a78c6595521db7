"""A run: the folder that a training writes, and what is read back from it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyshot.augment import Plan
from manyshot.base import InputError, read_json, write_json
from manyshot.base.seeds import generator
from manyshot.datasets import load as load_data
from manyshot.learners import ClassifierOptions, FeatureLearner, Learner
from manyshot.nets import Norm, PretrainedEncoder, TextEncoder, TextEncoderOptions
from manyshot.objectives import Objective, Plain, parse_objective
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.checkpoint import load_checkpoint, read_progress
from manyshot.training.claim import CONFIG, claim, kind_of_run
from manyshot.training.config import Config, encoder_options, learner_options
from manyshot.training.device import device_or_cpu, require_device
from manyshot.training.features import encode, remember
from manyshot.training.fit import Settings, check_step, fit
from manyshot.training.metrics import Row, read_metrics
from manyshot.training.processes import ALONE, Processes, check_share

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

    def used(self, test_plan: str, learner: str | None = None) -> "Run":
        """The same weights, used with another plan and perhaps by another learner.

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
    encoder, learner = encoder_options(config.encoder), learner_options(config.learner)
    if isinstance(encoder, TextEncoderOptions) != (channels == 0):
        sides = ("pictures", "sentences", "minilm or ngrams"), ("sentences", "pictures", "conv4 or resnet12")
        takes, given, mend = sides[0] if channels == 0 else sides[1]
        raise InputError(f"encoder '{config.encoder}' takes {takes}, and the data are {given}; take {mend}, say")
    if isinstance(learner, ClassifierOptions) and not learner.classes:
        learner = learner.for_classes(classes)

    def make_encoder(norm: Norm) -> torch.nn.Module:
        return encoder.make(channels, size, norm)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        return learner.make(make_encoder, Plan.parse(config.plan).most_ways(config.most_ways))


@dataclass(frozen=True, eq=False)
class Sources:
    """A run's data, in parts that have no class (or group, or item) in common; the same for every seed.

    Args:
        training: what is learned from; with `Config.classes`, some of its classes, others for another seed.
        validation: what the best weights are chosen by, if anything.
        test: what is judged by alone, if anything.
        augmenter: what an augmenter may learn from, which the learner never saw, if anything.
    """

    training: Source
    validation: Source | None = None
    test: Source | None = None
    augmenter: Source | None = None


def load_sources(config: Config) -> Sources:
    """Load a run's data and divide it as its settings say.

    Raises:
        InputError: if the data cannot be read, a part would be too small for a task, or there are fewer training
            classes than asked for.
    """
    source = load_data(
        config.data,
        config.split,
        root=config.root,
        size=config.size,
        centred=config.centred,
        columns=config.columns,
    )
    aside = {"validation": config.validation, "test": config.test, "augmenter": config.augmenter}
    shares = {"training": 1 - sum(aside.values())} | {name: share for name, share in aside.items() if share}
    if len(shares) == 1:
        return Sources(_some_classes(source, config))
    drawn = source.split(tuple(shares.values()), seed=0, by=config.split_by)
    parts = {n: replace(part, name=f"{source.name} ({n} part)") for n, part in zip(shares, drawn, strict=True)}
    for name, part in parts.items():
        if len(part.class_names) < 2:
            raise InputError(
                f"{name}={shares[name]:g} of {source.name}'s {len(source.class_names)} classes is 1 class; give "
                "a larger share, or 0 for none, or divide by item (--split-by item)"
            )
    return Sources(**parts | {"training": _some_classes(parts["training"], config)})


def _some_classes(source: Source, config: Config) -> Source:
    """The classes to train on: the first of an order that the seed draws, so that 20 of them hold the 10 of a run."""
    if config.classes is None:
        return source
    if config.classes > len(source.class_names):
        raise InputError(f"classes={config.classes}, but {source.name} has {len(source.class_names)}; ask for fewer")
    order = torch.randperm(len(source.class_names), generator=generator(config.fit.seed, "classes"))
    return source.subset(classes=[source.class_names[c] for c in order[: config.classes].tolist()])


def train(
    config: Config,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "train",
    processes: Processes = ALONE,
) -> Run:
    """Make a run from its settings.

    Args:
        config: what to train, on what.
        folder: where the run lies afterwards; None keeps nothing on disk.
        resume: go on with the run in the folder, which must have the same settings.
        title: what the progress bar says.
        processes: that train together, see `fit` and `together`.

    Raises:
        InputError: if the folder holds something else, or the data cannot be used.
        TrainingDiverged: see `fit`.

    Example:
        >>> from manyshot.training import Settings
        >>> config = Config("digits", encoder="conv4(8, 8, 8, 8)", fit=Settings(steps=2, validation_tasks=2))
        >>> [sorted(row) for row in train(config).rows]
        [['loss', 'step'], ['loss', 'step'], ['step', 'validation_accuracy']]
    """
    config = config.anchored()
    if folder is not None and processes.leads:
        claim(folder, _settings_in, config.as_dict(), resume)
    # Everything that could be refused is made before anything is written: a wrong option leaves no half of a run.
    require_device(config.fit.device)
    check_share(config.fit.tasks_per_step, processes)
    with processes.leader_first():
        tasks, held_out = _samplers(config, load_sources(config))
    channels, size = image_shape(tasks.source)
    classes = len(tasks.source.class_names)
    learner = make_learner(config, channels, size, classes)
    plan, objective = plan_and_objective(config)
    check_step(learner, tasks, config.fit, plan, objective)
    if folder is not None and processes.leads:
        made = {"channels": channels, "size": size, "training_classes": classes}
        write_json(folder / CONFIG, {"config": config.as_dict()} | made)
    trained = learner
    for module in learner.modules():
        for part in (tasks, held_out):
            if part is not None and len(part.source) <= _drawn(tasks, config.fit):
                remember(module, part.source, processes.device(config.fit.device))
    if not plan.steps and isinstance(objective, Plain):
        trained, tasks, held_out = _on_fixed_features(learner, tasks, held_out, config.fit, processes)
    rows = fit(trained, tasks, config.fit, plan, held_out, folder, resume, title, objective, processes)
    learner.eval()
    return Run(config, learner, channels, size, rows, folder)


def given_run(config: Config, source: Source) -> Run:
    """A pre-trained encoder and a learner as they are: a run without a training.

    Args:
        config: names both.
        source: of what they are to be used on.

    Raises:
        InputError: if the encoder has no weights before it is trained, or the learner adds some that it has not.

    Example:
        >>> given_run(Config("digits", encoder="conv4"), load_data("digits"))
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


def _on_fixed_features(
    learner: Learner,
    tasks: EpisodeSampler,
    held_out: EpisodeSampler | None,
    settings: Settings,
    processes: Processes,
) -> tuple[Learner, EpisodeSampler, EpisodeSampler | None]:
    """The same training with each item encoded once, where a frozen encoder gives it the same features at each step."""
    parts = learner.on_features() if isinstance(learner, FeatureLearner) else None
    if parts is None or len(tasks.source) > _drawn(tasks, settings):
        return learner, tasks, held_out
    encoder, alone = parts
    if not (isinstance(encoder, PretrainedEncoder | TextEncoder) and encoder.is_fixed):
        return learner, tasks, held_out

    device = processes.device(settings.device)
    encoder.to(device)

    def encoded(sampler: EpisodeSampler) -> EpisodeSampler:
        return replace(sampler, source=encode(encoder, sampler.source, device))

    with processes.leader_first():  # which keeps the features on disk for the others
        return alone, encoded(tasks), None if held_out is None else encoded(held_out)


def _drawn(tasks: EpisodeSampler, settings: Settings) -> int:
    """How many items a training sees, counting each time."""
    return settings.steps * settings.tasks_per_step * tasks.items_a_task


def _samplers(config: Config, sources: Sources) -> tuple[EpisodeSampler, EpisodeSampler | None]:
    """Tasks of training and, if something is held out for it, of validation."""
    held_out = None if sources.validation is None else config.validation_sampler(sources.validation)
    return config.sampler(sources.training), held_out


def check_trainable(config: Config, test_learner: str | None = None, sources: Sources | None = None) -> None:
    """Make sure that a run can be trained, and its weights then used by another learner, without training it.

    Args:
        config: what to train, on what.
        test_learner: what is to use the weights, if not the run's own learner.
        sources: the run's data, where they are loaded already.

    Raises:
        InputError: if not.

    Example:
        >>> check_trainable(Config("digits"), "prototypes(nearest)")
        >>> check_trainable(Config("digits", ways=11))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: digits (training part): 8 classes, but ways=11; lower the ways or add classes
    """
    require_device(config.fit.device)
    tasks, _ = _samplers(config, sources or load_sources(config))
    channels, size = image_shape(tasks.source)
    plan, objective = plan_and_objective(config)
    learner = make_learner(config, channels, size, len(tasks.source.class_names))
    check_step(learner, tasks, config.fit, plan, objective)
    Run(config, learner, channels, size, []).used("none", test_learner)


def plan_and_objective(config: Config) -> tuple[Plan, Objective]:
    """What augments the training tasks, and what is minimised on them.

    Raises:
        InputError: if the objective would change nothing under this plan.

    Example:
        >>> plan_and_objective(Config("digits", objective="maxup"))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: objective 'maxup' chooses among draws of the plan; give a plan that draws
    """
    plan, objective = Plan.parse(config.plan), parse_objective(config.objective)
    if objective.needs_plan and not plan.steps:
        raise InputError(f"objective '{config.objective}' chooses among draws of the plan; give a plan that draws")
    return plan, objective


def with_room(config: Config) -> Config:
    """The settings, or the same without validation where data are too few to hold some out.

    Raises:
        InputError: if they are too few even so, or cannot be read.

    Example:
        >>> with_room(Config("digits", validation=0.2)).validation, with_room(Config("digits", ways=9)).validation
        (0.2, 0.0)
    """
    try:
        _samplers(config, load_sources(config))
    except InputError:
        config = replace(config, validation=0.0)
        _samplers(config, load_sources(config))
    return config


def classes_seen(config: Config, data: str, source: Source) -> int:
    """How many of the classes of a source, loaded from `data`, a run was trained on; 0 where its data are no more.

    Args:
        config: the run's.
        data: name of a data set, or path.
        source: what the run is to be judged on.

    Example:
        >>> config = Config("digits", test=0.3)
        >>> [classes_seen(config, "digits", source) for source in (load_data("digits"), load_sources(config).test)]
        [5, 0]
    """
    if replace(config, data=data).anchored().data != config.anchored().data:
        return 0
    try:
        trained = load_sources(config).training
    except InputError:
        return 0
    return len(set(trained.class_names) & set(source.class_names))


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


def is_trained(config: Config, folder: Path) -> bool:
    """Whether a folder holds this training, done to its last step.

    Raises:
        InputError: if it holds a training with other settings, or a damaged one.

    Example:
        >>> is_trained(Config("digits"), Path("nowhere"))
        False
    """
    last = folder / "last.safetensors"
    if not (folder / CONFIG).exists() or not last.exists():
        return False
    claim(folder, _settings_in, config.anchored().as_dict(), resume=True)
    return bool(read_progress(last)["step"] == config.fit.steps)


def _settings_in(folder: Path) -> dict[str, Any]:
    return _read_config(folder)[0].as_dict()


def _read_config(folder: Path) -> tuple[Config, int, int, int]:
    path = folder / CONFIG
    if not path.exists():
        raise InputError(f"{folder} holds no run (no {CONFIG}); name a folder that `manyshot train` wrote")
    values = read_json(path)
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


def image_shape(source: Source) -> tuple[int, int]:
    """Channels, and height and width in pixels, of a source of square images; (0, 0) of a source of sentences.

    Raises:
        InputError: if its items are anything else.
    """
    if source.is_text:
        return 0, 0
    store = source.store
    if not isinstance(store, Tensor) or store.ndim != 4 or store.shape[2] != store.shape[3]:
        raise InputError(f"{source.name}: training takes square images; load them with a size")
    return store.shape[1], store.shape[2]
