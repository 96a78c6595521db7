"""Train a run from its settings."""

from pathlib import Path

from manyshot.augment import Plan
from manyshot.base import InputError, locked_folder
from manyshot.objectives import OBJECTIVES, Objective, Plain
from manyshot.runtime.device import require_device
from manyshot.runtime.distributed import SINGLE_PROCESS, Processes
from manyshot.runtime.run_folder import check_run_folder, write_config
from manyshot.runtime.training_session import is_complete
from manyshot.training.encode_source import on_fixed_features, remember
from manyshot.training.load_run import Run, make_learner, settings_in
from manyshot.training.run_config import Config
from manyshot.training.splits import Sources, image_shape, load_sources, samplers
from manyshot.training.training_loop import check_step, fit


def train(
    config: Config,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "train",
    processes: Processes = SINGLE_PROCESS,
) -> Run:
    """Train a learner from the settings of a run.

    Args:
        config: Settings of the run: data, learner, tasks, augmentation and training loop.
        folder: Folder to write the run to; None writes nothing.
        resume: Whether to continue the run in the folder, which must have the same settings.
        title: Title of the progress bar.
        processes: Processes that train together, from `joined_processes`.

    Raises:
        InputError: If the folder holds something else or another process writes to it, or the data cannot be used.
        TrainingDiverged: If the loss or the gradient explodes.

    Example:
        >>> from manyshot.training import Settings
        >>> config = Config("digits", encoder="conv4(8, 8, 8, 8)", fit=Settings(steps=2, validation_tasks=2))
        >>> [sorted(row) for row in train(config).rows]
        [['loss', 'step'], ['loss', 'step'], ['step', 'validation_accuracy']]
    """
    with locked_folder(folder if processes.is_main else None):
        return _train(config, folder, resume, title, processes)


def _train(config: Config, folder: Path | None, resume: bool, title: str, processes: Processes) -> Run:
    config = config.with_absolute_paths()
    # Whatever could be refused is checked before anything is written, so that a wrong option leaves no incomplete run.
    if folder is not None and processes.is_main:
        check_run_folder(folder, settings_in, config.as_dict(), resume)
    processes.check_batch_size(config.fit.meta_batch_size)
    device = processes.device(config.fit.device)
    require_device(config.fit.device)
    plan, objective = plan_and_objective(config)
    with processes.main_first():
        tasks, held_out = samplers(config, load_sources(config))
    channels, size = image_shape(tasks.source)
    classes = len(tasks.source.class_names)
    learner = make_learner(config, channels, size, classes)
    check_step(learner, tasks, config.fit, plan, objective)
    if folder is not None and processes.is_main:
        write_config(folder, config.as_dict(), channels=channels, size=size, training_classes=classes)
    trained, drawn = learner, config.fit.steps * config.fit.meta_batch_size * tasks.examples_per_task
    with processes.main_first():  # which stores features on disk for the others
        if not plan.placements and isinstance(objective, Plain) and len(tasks.source) <= drawn:
            trained, tasks, held_out = on_fixed_features(learner, tasks, held_out, device)
        for part in (tasks, held_out):
            if part is not None and len(part.source) <= drawn:
                remember(trained, part.source, device)
    rows = fit(trained, tasks, config.fit, plan, held_out, folder, resume, title, objective, processes)
    learner.eval()
    return Run(config, learner, channels, size, rows, folder)


def check_trainable(config: Config, test_learner: str | None = None, sources: Sources | None = None) -> None:
    """Make sure that a run can be trained, and its weights then used by another learner, without training it.

    Args:
        config: Settings of the run.
        test_learner: Learner that is to use the weights; the run's own if None.
        sources: Data of the run, if they are loaded already.

    Raises:
        InputError: If not.

    Example:
        >>> check_trainable(Config("digits"), "prototypes(nearest)")
        >>> check_trainable(Config("digits", ways=11))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: digits (training part): 8 classes, but ways=11; lower the ways or add classes
    """
    require_device(config.fit.device)
    tasks, _ = samplers(config, sources or load_sources(config))
    channels, size = image_shape(tasks.source)
    plan, objective = plan_and_objective(config)
    learner = make_learner(config, channels, size, len(tasks.source.class_names))
    check_step(learner, tasks, config.fit, plan, objective)
    Run(config, learner, channels, size, []).with_test_plan("none", test_learner)


def plan_and_objective(config: Config) -> tuple[Plan, Objective]:
    """What augments the training tasks, and what is minimized on them.

    Raises:
        InputError: If the objective would change nothing under this plan.

    Example:
        >>> plan_and_objective(Config("digits", objective="maxup"))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: objective 'maxup' chooses among draws of the plan; give a plan that draws
    """
    plan, objective = Plan(config.plan), OBJECTIVES.parse(config.objective).build()
    if objective.needs_plan and not plan.placements:
        raise InputError(f"objective '{config.objective}' chooses among draws of the plan; give a plan that draws")
    return plan, objective


def is_trained(config: Config, folder: Path) -> bool:
    """Whether a folder holds this training, done to its last step.

    Raises:
        InputError: If it holds a training with other settings, or a damaged one.

    Example:
        >>> is_trained(Config("digits"), Path("nowhere"))
        False
    """
    return is_complete(folder, settings_in, config.with_absolute_paths().as_dict(), config.fit.steps)
