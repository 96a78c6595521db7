"""Stage one: train an augmenter for a learner that is trained already, on classes that the learner never saw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.learners import Learner, split_learner
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.config import AugmenterConfig
from manyshot.meta_augment.gradients import ESTIMATORS, check_estimator
from manyshot.meta_augment.tailor import TailoredSamples, tailor
from manyshot.nets import PretrainedEncoder, TextEncoder
from manyshot.runtime.checkpoint import load_checkpoint, save_checkpoint
from manyshot.runtime.device import device_or_cpu, require_device
from manyshot.runtime.distributed import SINGLE_PROCESS, Processes
from manyshot.runtime.metrics_log import MetricsLog, Row, read_metrics
from manyshot.runtime.run_folder import CONFIG, check_run_folder, kind_of_run, read_config, write_config
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.feature_cache import encode
from manyshot.training.fit import fit
from manyshot.training.run import AUGMENTER, Run, load_run
from manyshot.training.splits import load_sources

LEARNER = "learner"
"""The folder, in an augmenter's, that holds the learner as it is used with it."""


@dataclass(frozen=True, eq=False)
class AugmenterRun:
    """A trained augmenter, the learner that it was trained for, and where it came from.

    Args:
        config: what it was made from.
        augmenter: with the best weights, in evaluation mode.
        run: the learner's.
        shape: of the items that it takes: (c, h, w), or (d,) of features.
        rows: the record of the training.
        folder: where it lies, if anywhere.
    """

    config: AugmenterConfig
    augmenter: LearnedAugmenter
    run: Run
    shape: tuple[int, ...]
    rows: list[Row]
    folder: Path | None = None

    @property
    def learner(self) -> Learner:
        """The learner, of items; it adapts to what it is given, and to nothing more."""
        return self.run.learner

    @property
    def augmented(self) -> AugmentedLearner:
        """The learner that adapts to the support and as many made items as in training."""
        return AugmentedLearner(self.run.learner, self.augmenter, self.config.copies).eval()

    def augment(
        self, images: Tensor, labels: Sequence[Any], per_class: int = 20, seed: int = 0, adapt_steps: int = 0
    ) -> TailoredSamples:
        """Make samples tailored to a new task, from its few labelled examples.

        Args:
            images: `[n, c, h, w]` of the shape that the run was trained on, uint8 or from 0 to 1.
            labels: n labels, such as names of classes.
            per_class: samples of each class.
            seed: the same seed gives the same samples.
            adapt_steps: of adaptation to the task by leave-one-out, which takes two examples of each class; 0 for none.

        Raises:
            InputError: for images of another shape, or see `manyshot.meta_augment.tailor.tailor`.
        """
        wanted = (self.run.channels, self.run.size, self.run.size)
        if tuple(images.shape[1:]) != wanted:
            raise InputError(
                f"images of shape {tuple(images.shape)}: the augmenter learned from {wanted[1]} x {wanted[2]} pixels "
                f"and {wanted[0]} channel{'s' if wanted[0] > 1 else ''}; give [n, {', '.join(map(str, wanted))}]"
            )
        return tailor(self.augmenter, self.learner, images, labels, per_class, seed, adapt_steps)


def train_augmenter(
    config: AugmenterConfig,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "augmenter",
    processes: Processes = SINGLE_PROCESS,
) -> AugmenterRun:
    """Train an augmenter through a frozen learner; or, jointly, both.

    Its classes are those that the learner's run set aside for it (`Config.augmenter`): on classes that the learner was
    trained on, it does nearly as well without made items, so there is nothing to learn. Weights are chosen by the
    run's validation classes. Where the augmenter makes features, each item is encoded once.

    Args:
        config: what to train, through what.
        folder: where the run lies afterwards, with the learner in it; None keeps nothing on disk.
        resume: go on with the run in the folder, which must have the same settings.
        title: what the progress bar says.
        processes: that train together, see `fit`.

    Raises:
        InputError: if the learner's run set no classes aside, learner, augmenter and gradient do not go together, or
            the folder holds something else.
        TrainingDiverged: see `fit`.
    """
    config = config.with_absolute_paths()
    if folder is not None and processes.is_main:
        check_run_folder(folder, _settings_in, config.as_dict(), resume)
    require_device(config.fit.device)
    processes.check_batch_size(config.fit.meta_batch_size)
    given = _given(config)
    run = given.run if isinstance(given, AugmenterRun) else given
    if config.head is not None:
        run = replace(run.with_learner(config.head), config=replace(run.config, learner=config.head))
    freeze(run.learner)
    with processes.main_first():
        tasks, held_out = augmenter_tasks(config, run)

    if isinstance(given, AugmenterRun):
        augmenter, shape = given.augmenter, given.shape
    else:
        shape = augmenter_shape(config, run, tasks.source)
        augmenter = make_augmenter(config, shape)
    if config.joint:
        for parameter in run.learner.parameters():
            parameter.requires_grad_()
    trained = AugmentedLearner(run.learner, augmenter, config.copies, config.fit.seed, config.joint)
    objective = AugmenterObjective(ESTIMATORS.parse(config.gradient).build())
    if augmenter.through_learner:
        check_estimator(objective.estimator, trained.parts()[1])

    if folder is not None and processes.is_main:
        write_config(folder, config.as_dict(), AUGMENTER, shape=list(shape))
        save_learner(folder / LEARNER, run)
    alone, own_tasks, own_held_out = trained, tasks, held_out
    parts = None if config.joint else trained.on_features()
    if parts is not None:
        body, alone = parts
        with processes.main_first():
            own_tasks, own_held_out = _encoded(body, tasks, config), held_out and _encoded(body, held_out, config)
    if not isinstance(given, AugmenterRun):
        augmenter.look_at(own_tasks.source)
    if any(parameter.requires_grad for parameter in augmenter.parameters()):
        rows = fit(alone, own_tasks, config.fit, None, own_held_out, folder, resume, title, objective, processes)
    else:
        rows = _kept_as_it_is(alone, own_held_out, config, folder if processes.is_main else None)
    if config.joint and folder is not None and processes.is_main:
        save_learner(folder / LEARNER, run)
    run.learner.eval()
    return AugmenterRun(config, augmenter.eval(), run, shape, rows, folder)


def load_augmenter_run(folder: Path | str) -> AugmenterRun:
    """Read an augmenter's run back, with its best weights and its learner; runs no code from the folder.

    Raises:
        InputError: if the folder is no augmenter's run, or a file is damaged.
    """
    folder = Path(folder)
    config, shape = _read(folder)
    run = load_run(folder / LEARNER)
    freeze(run.learner)
    augmenter = make_augmenter(config, shape)
    best = folder / "best.safetensors"
    trained = AugmentedLearner(run.learner, augmenter, config.copies, joint=config.joint)
    load_checkpoint(best if best.exists() else folder / "last.safetensors", trained)
    trained.to(device_or_cpu(config.fit.device)).eval()
    return AugmenterRun(config, augmenter, run, shape, read_metrics(folder / "metrics.jsonl"), folder)


def is_augmenter_run(folder: Path | str) -> bool:
    """Whether a folder holds an augmenter's run rather than a learner's.

    Example:
        >>> is_augmenter_run("/nowhere")
        False
    """
    return kind_of_run(folder) == AUGMENTER


def augmenter_tasks(config: AugmenterConfig, run: Run) -> tuple[EpisodeSampler, EpisodeSampler | None]:
    """Tasks of the classes that were set aside for the augmenter, and of the learner's validation classes.

    Raises:
        InputError: if none were set aside, though the learner has learned from the data, or they are too few.
    """
    sources = load_sources(run.config)
    source = sources.augmenter
    if source is None:
        if not _is_given(run.learner):
            raise InputError(
                f"{config.learner}: its training set no classes aside, and on classes that the learner knows an "
                "augmenter has nothing to learn; train the learner by --stage learner, which sets some aside"
            )
        source = sources.training
    tasks = EpisodeSampler(
        source, config.ways, config.shots, config.queries, seed=config.fit.seed, within_group=config.within_group
    )
    if sources.validation is None:
        return tasks, None
    most = config.ways if isinstance(config.ways, int) else config.ways[1]
    ways = min(most, len(sources.validation.class_names))
    return tasks, EpisodeSampler(sources.validation, ways, config.shots, config.queries, seed=0)


def augmenter_shape(config: AugmenterConfig, run: Run, source: Source) -> tuple[int, ...]:
    """The shape of what the augmenter takes: of a source's items, or of the features of one of them."""
    space = augmenter_class(config).space
    if space == "items":
        store = source.store
        if not isinstance(store, torch.Tensor):
            raise InputError(f"{source.name}: {config.augmenter} changes images; use an augmenter of features")
        return tuple(store.shape[1:])
    encoder, _ = split_learner(space, run.learner)
    few = replace(source, rows=source.rows[:1], starts=source.starts.clip(max=1))
    return tuple(encode(encoder, few).store.shape[1:])  # type: ignore[union-attr]


def augmenter_class(config: AugmenterConfig) -> type[LearnedAugmenter]:
    """The class of the augmenter that the settings name."""
    factory = AUGMENTERS.parse(config.augmenter).factory
    assert isinstance(factory, type)  # the registry holds classes alone
    return factory


def make_augmenter(config: AugmenterConfig, shape: tuple[int, ...]) -> LearnedAugmenter:
    """An augmenter with the weights that its seed gives it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        return AUGMENTERS.parse(config.augmenter).build(shape=shape)


def freeze(learner: Learner) -> None:
    """Take a learner's weights as they are. One that takes gradient steps keeps the derivatives that it steps along."""
    learner.eval()
    if not learner.takes_gradient_steps:
        for parameter in learner.parameters():
            parameter.requires_grad_(False)


def save_learner(folder: Path, run: Run) -> None:
    """Write a learner as a run of its own, to be read by `load_run`."""
    classes = run.learner.classes
    write_config(folder, run.config.as_dict(), channels=run.channels, size=run.size, training_classes=classes)
    save_checkpoint(folder / "best.safetensors", run.learner, None, {"step": run.config.fit.steps})


def _given(config: AugmenterConfig) -> Run | AugmenterRun:
    """What the settings begin with: a learner, or, to train both further, a learner with its augmenter."""
    path = Path(config.learner)
    if not config.joint:
        if is_augmenter_run(path):
            raise InputError(f"{path} holds an augmenter; name the learner's run, or train both by --stage joint")
        return load_run(path)
    if not is_augmenter_run(path):
        raise InputError(f"{path} holds no augmenter; the joint stage begins with one, so train it first")
    given = load_augmenter_run(path)
    if given.config.augmenter != config.augmenter:
        raise InputError(f"augmenter='{config.augmenter}', but {path} holds '{given.config.augmenter}'; leave it out")
    return given


def _is_given(learner: Learner) -> bool:
    """Whether the learner's encoder was given and not trained, so that no class is one that it was trained on."""
    encoders = [module for module in learner.modules() if isinstance(module, PretrainedEncoder | TextEncoder)]
    return bool(encoders) and all(encoder.is_fixed for encoder in encoders)


def _encoded(body: torch.nn.Module, sampler: EpisodeSampler, config: AugmenterConfig) -> EpisodeSampler:
    body.to(config.fit.device)
    return replace(sampler, source=encode(body, sampler.source, config.fit.device))


def _kept_as_it_is(
    trained: AugmentedLearner, held_out: EpisodeSampler | None, config: AugmenterConfig, folder: Path | None
) -> list[Row]:
    """An augmenter without weights to train is judged and stored."""
    rows: list[Row] = []
    if held_out is not None:
        found = evaluate_tasks(trained, held_out, config.fit.validation_tasks, seed=config.fit.seed)
        rows.append({"step": 0, "validation_accuracy": found.mean})
    if folder is not None:
        save_checkpoint(folder / "last.safetensors", trained, None, {"step": 0})
        log = MetricsLog(folder, after=-1)
        for row in rows:
            log.write(row)
        log.close()
    return rows


def _settings_in(folder: Path) -> dict[str, Any]:
    return _read(folder)[0].as_dict()


def _read(folder: Path) -> tuple[AugmenterConfig, tuple[int, ...]]:
    path = folder / CONFIG
    if not is_augmenter_run(folder):
        raise InputError(f"{folder} holds no augmenter; name a folder that `manyshot train --stage augmenter` wrote")
    values = read_config(folder)
    shape = values.get("shape")
    if not (isinstance(shape, list) and len(shape) in (1, 3) and all(isinstance(n, int) and n > 0 for n in shape)):
        raise InputError(f"{path}: shape={shape}: not that of an item; restore the file")
    return AugmenterConfig.from_dict(values.get("config"), str(path)), tuple(shape)
