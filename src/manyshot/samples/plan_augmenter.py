"""A trained augmenter or generative model used in a plan: loading it, and whether it fits a learner."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from manyshot.augment import Augmenter
from manyshot.base import InputError
from manyshot.generate.generator_config import GeneratorConfig
from manyshot.generate.generator_run import GeneratorRun, is_generator_run, load_generator_run
from manyshot.learners import Learner
from manyshot.meta_augment.augmenter_run import LEARNER, AugmenterRun, load_augmenter_run, same_encoder
from manyshot.samples.generated_shots import GeneratedShots
from manyshot.tasks import Source
from manyshot.training.load_run import Run, load_run
from manyshot.training.run_config import Config
from manyshot.training.splits import load_sources


@dataclass(frozen=True, eq=False)
class PlanAugmenter:
    """An augmenter for the word `learned` of a plan, and what it was trained for.

    Args:
        folder: Folder of its run.
        augmenter: The augmenter, for `Plan.with_augmenter`.
        shape: Shape of the examples that it was trained on: (c, h, w), or (d,) for features.
        one_size: Whether it takes images of that size only.
        learner: Learner whose encoder yields the features that it generates; None if it generates images.
        learner_folder: Folder of that learner's run.
        config: Settings that name the data that it was trained on.
        classes: Function that loads the names of the classes that it was trained on.
    """

    folder: Path
    augmenter: Augmenter
    shape: tuple[int, ...]
    one_size: bool
    learner: Learner | None
    learner_folder: Path
    config: Config | GeneratorConfig
    classes: Callable[[], Collection[str]]


def load_plan_augmenter(folder: Path | str) -> PlanAugmenter:
    """Load the run of an augmenter or of a generative model, for the word `learned` of a plan.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: If the folder holds neither, a file is damaged, or the model is not conditioned on examples, so that
            it cannot generate examples of new classes.
    """
    folder = Path(folder)
    if is_generator_run(folder):
        return _from_model(load_generator_run(folder), folder)
    return _from_augmenter(load_augmenter_run(folder), folder)


def _from_augmenter(run: AugmenterRun, folder: Path) -> PlanAugmenter:
    config = run.run.config

    def classes() -> Collection[str]:
        sources = load_sources(config)
        return (sources.augmenter or sources.training).class_names

    learner = None if run.augmenter.space == "items" else run.learner
    return PlanAugmenter(folder, run.augmenter, run.shape, False, learner, folder / LEARNER, config, classes)


def _from_model(run: GeneratorRun, folder: Path) -> PlanAugmenter:
    if run.model.conditioning not in ("item", "mean"):
        raise InputError(
            f"{folder}: model '{run.config.model}' is not conditioned on examples, so it cannot extend a support set; "
            "train one that is, such as dagan, or afhn for features"
        )
    encoder = run.config.encoder
    return PlanAugmenter(
        folder=folder,
        augmenter=GeneratedShots(run.model),
        shape=tuple(run.model.shape),
        one_size=True,
        learner=None if encoder is None else load_run(encoder).learner,
        learner_folder=Path(encoder or ""),
        config=run.config,
        classes=lambda: run.class_names,
    )


def check_compatible(plan_augmenter: PlanAugmenter, run: Run) -> None:
    """Make sure that an augmenter takes the images, or yields the features, that a learner takes.

    Args:
        plan_augmenter: The augmenter.
        run: Run of the learner.

    Raises:
        InputError: If its images have other channels or another size, or its features come from another encoder.
    """
    if plan_augmenter.learner is None:
        wanted, shape = (run.channels, run.size, run.size), plan_augmenter.shape
        if shape[0] != run.channels or (plan_augmenter.one_size and shape != wanted):
            raise InputError(
                f"{plan_augmenter.folder}: trained on images of {_describe(shape)}, but the learner takes "
                f"{_describe(wanted)}; use one that was trained on such images"
            )
        return
    if run.learner.on_features() is not None and not same_encoder(plan_augmenter.learner, run.learner):
        raise InputError(
            f"{plan_augmenter.folder}: generates features of another encoder; evaluate the run that it was trained "
            f"for, {plan_augmenter.learner_folder}, or train one for this run"
        )


def count_seen_classes(plan_augmenter: PlanAugmenter, data: str, source: Source) -> int:
    """Number of classes of a source that an augmenter was trained on; 0 if its own data can no longer be loaded.

    Args:
        plan_augmenter: The augmenter.
        data: Data set or path that the source was loaded from.
        source: Source to evaluate on.
    """
    config = plan_augmenter.config
    if replace(config, data=data).with_absolute_paths().data != config.with_absolute_paths().data:
        return 0
    try:
        return len(set(plan_augmenter.classes()) & set(source.class_names))
    except InputError:
        return 0


def _describe(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[2]} pixels and {shape[0]} channel{'s' if shape[0] > 1 else ''}"
