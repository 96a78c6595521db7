"""Training of an augmenter for a trained learner, on classes that the learner was not trained on."""

from dataclasses import replace
from pathlib import Path

import torch

from manyshot.base import InputError, locked_folder
from manyshot.learners import Learner, split_learner
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.augmenter_gradient import ESTIMATORS, check_estimator
from manyshot.meta_augment.augmenter_run import (
    LEARNER,
    AugmenterRun,
    freeze,
    is_augmenter_run,
    load_augmenter_run,
    make_augmenter,
    read_augmenter_config,
    save_learner,
)
from manyshot.nets import PretrainedEncoder, SoundEncoder, TextEncoder
from manyshot.runtime.checkpoint import save_checkpoint
from manyshot.runtime.device import require_device
from manyshot.runtime.distributed import SINGLE_PROCESS, Processes
from manyshot.runtime.metrics_log import MetricsLog, Row
from manyshot.runtime.run_folder import check_run_folder, write_config
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.class_texts import add_vectors_for
from manyshot.training.encode_source import encode
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.load_run import AUGMENTER, Run, load_run
from manyshot.training.splits import load_sources
from manyshot.training.training_loop import fit


def train_augmenter(
    config: AugmenterConfig,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "augmenter",
    processes: Processes = SINGLE_PROCESS,
) -> AugmenterRun:
    """Train an augmenter through a frozen learner, or both jointly.

    It trains on the classes that the learner's run set aside for it (`Config.augmenter`): on classes that the learner
    was trained on, the learner does nearly as well without generated examples, so there is nothing to learn. The best
    weights are chosen on the run's validation classes. For an augmenter of features, each example is encoded once.

    Args:
        config: Settings of the training.
        folder: Folder to write the run and its learner to; None writes nothing.
        resume: Whether to resume the run in the folder, which must have the same settings.
        title: Title of the progress bar.
        processes: Processes that train together, see `fit`.

    Raises:
        InputError: If the learner's run set no classes aside; learner, augmenter and gradient do not fit together; or
            the folder holds something else or another process writes to it.
        TrainingDiverged: If the loss is not finite, see `fit`.
    """
    config = config.with_absolute_paths()
    with locked_folder(folder if processes.is_main else None):
        return _train(config, folder, resume, title, processes)


def _train(
    config: AugmenterConfig, folder: Path | None, resume: bool, title: str, processes: Processes
) -> AugmenterRun:
    if folder is not None and processes.is_main:
        check_run_folder(folder, read_augmenter_config, config.as_dict(), resume)
    require_device(config.fit.device)
    processes.check_batch_size(config.fit.meta_batch_size)
    start = _load_start(config)
    run = start.run if isinstance(start, AugmenterRun) else start
    if config.head is not None:
        run = replace(run.with_learner(config.head), config=replace(run.config, learner=config.head))
    freeze(run.learner)
    with processes.main_first():
        tasks, held_out = augmenter_tasks(config, run)

    if isinstance(start, AugmenterRun):
        augmenter, shape = start.augmenter, start.shape
    else:
        shape = augmenter_shape(config, run, tasks.source)
        augmenter = make_augmenter(config, shape)
    tasks, held_out = _told(config, augmenter, tasks, run), held_out and _told(config, augmenter, held_out, run)
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
    learner, train_tasks, val_tasks = trained, tasks, held_out
    parts = None if config.joint else trained.on_features()
    if parts is not None:
        body, learner = parts
        with processes.main_first():
            train_tasks, val_tasks = _encoded(body, tasks, config), held_out and _encoded(body, held_out, config)
    if not isinstance(start, AugmenterRun):
        augmenter.fit_statistics(train_tasks.source)
    if any(parameter.requires_grad for parameter in augmenter.parameters()):
        rows = fit(learner, train_tasks, config.fit, None, val_tasks, folder, resume, title, objective, processes)
    else:
        rows = _evaluate_and_store(learner, val_tasks, config, folder if processes.is_main else None)
    if config.joint and folder is not None and processes.is_main:
        save_learner(folder / LEARNER, run)
    run.learner.eval()
    return AugmenterRun(config, augmenter.eval(), run, shape, rows, folder)


def augmenter_tasks(config: AugmenterConfig, run: Run) -> tuple[EpisodeSampler, EpisodeSampler | None]:
    """Samplers of tasks from the classes set aside for the augmenter, and from the learner's validation classes.

    Args:
        config: Settings of the augmenter's training.
        run: Run of the learner.

    Raises:
        InputError: If no classes were set aside although the learner was trained on the data, or they are too few.
    """
    sources = load_sources(run.config)
    source = sources.augmenter
    if source is None:
        if not _is_pretrained(run.learner):
            raise InputError(
                f"{config.learner}: no classes were set aside for an augmenter, which has nothing to learn on the "
                "learner's training classes; train the learner with augmenter=0.25, or by --stage learner, which sets "
                "some aside"
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
    """Shape of the augmenter's inputs: that of the source's examples, or of their features."""
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
    """The class of the augmenter in the settings."""
    factory = AUGMENTERS.parse(config.augmenter).factory
    assert isinstance(factory, type)  # the registry holds classes only
    return factory


def _load_start(config: AugmenterConfig) -> Run | AugmenterRun:
    """Load the learner to start from, or, for joint training, the augmenter's run."""
    path = Path(config.learner)
    if not config.joint:
        if is_augmenter_run(path):
            raise InputError(
                f"{path} holds an augmenter; name the learner's run, or train both (joint=True, or --stage joint)"
            )
        return load_run(path)
    if not is_augmenter_run(path):
        raise InputError(f"{path} holds no augmenter; joint training begins with one, so train it first")
    start = load_augmenter_run(path)
    if start.config.augmenter != config.augmenter:
        raise InputError(f"augmenter='{config.augmenter}', but {path} holds '{start.config.augmenter}'; leave it out")
    return start


def _is_pretrained(learner: Learner) -> bool:
    """Whether the learner's encoder is pretrained and frozen, so that it was trained on none of the classes."""
    frozen = PretrainedEncoder | SoundEncoder | TextEncoder
    encoders = [module for module in learner.modules() if isinstance(module, frozen)]
    return bool(encoders) and all(encoder.is_fixed for encoder in encoders)


def _told(config: AugmenterConfig, augmenter: LearnedAugmenter, sampler: EpisodeSampler, run: Run) -> EpisodeSampler:
    parts = run.learner.on_features()
    source = add_vectors_for(sampler.source, augmenter, None if parts is None else parts[0], config.about)
    return replace(sampler, source=source)


def _encoded(body: torch.nn.Module, sampler: EpisodeSampler, config: AugmenterConfig) -> EpisodeSampler:
    body.to(config.fit.device)
    return replace(sampler, source=encode(body, sampler.source, config.fit.device))


def _evaluate_and_store(
    trained: AugmentedLearner, held_out: EpisodeSampler | None, config: AugmenterConfig, folder: Path | None
) -> list[Row]:
    """Evaluate and store an augmenter that has no weights to train."""
    rows: list[Row] = []
    if held_out is not None:
        result = evaluate_tasks(trained, held_out, config.fit.validation_tasks, seed=config.fit.seed)
        rows.append({"step": 0, "validation_accuracy": result.mean})
    if folder is not None:
        save_checkpoint(folder / "last.safetensors", trained, None, {"step": 0})
        log = MetricsLog(folder, after=-1)
        for row in rows:
            log.write(row)
        log.close()
    return rows
