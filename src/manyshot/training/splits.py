"""The data of a run in disjoint parts, and the samplers of its training and validation tasks."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.nets.slices import are_volumes
from manyshot.tasks import EpisodeSampler, Parts, Source
from manyshot.training.run_config import Config

OF_PARTS = -1
"""In place of a size: examples have several parts, each of its own size."""


@dataclass(frozen=True, eq=False)
class Sources:
    """The data of a run, in parts with no class (or group, or example) in common; the same for every seed.

    Args:
        training: Training data; with `Config.classes`, a subset of their classes that depends on the seed.
        validation: Data to select the best weights on, if any.
        test: Data for testing alone, if any.
        augmenter: Data to train an augmenter on, which the learner has not seen, if any.
    """

    training: Source
    validation: Source | None = None
    test: Source | None = None
    augmenter: Source | None = None


def describe_authors(sources: Sources) -> str | None:
    """Say how many authors (patients) each part has, and how many are in two; None if nobody knows the authors.

    Example:
        >>> source = Source.of(torch.zeros(8, 1), [0, 1] * 4, authors=[0, 1, 2, 3, 0, 1, 2, 3])
        >>> [describe_authors(Sources(*source.split((0.5, 0.5), 0, by))) for by in ("author", "item")]
        ['authors: 2 training, 2 validation; 0 in two parts', 'authors: 4 training, 4 validation; 4 in two parts']
    """
    parts = {name: getattr(sources, name) for name in ("training", "validation", "test", "augmenter")}
    people = {
        name: set(part.authors_of_rows.tolist())
        for name, part in parts.items()
        if part is not None and part.authors is not None
    }
    if not people:
        return None
    shared = sum(sum(one in others for others in people.values()) > 1 for one in set().union(*people.values()))
    return f"authors: {', '.join(f'{len(who):,} {name}' for name, who in people.items())}; {shared:,} in two parts"


def load_sources(config: Config) -> Sources:
    """Load the data of a run and divide them into parts.

    Args:
        config: Settings of the run.

    Raises:
        InputError: If the data cannot be read, a part would be too small for a task, or there are fewer training
            classes than asked for.
    """
    source = load_dataset(
        config.data, columns=config.columns, group_by=config.group_by, window=config.window, **config.loading
    )
    aside = {"validation": config.validation, "test": config.test, "augmenter": config.augmenter}
    fractions = {"training": 1 - sum(aside.values())} | {name: f for name, f in aside.items() if f}
    parts = (
        {"training": source}
        if len(fractions) == 1
        else _divide(source, fractions, "author" if config.disjoint_authors else config.split_by)
    )
    return Sources(**parts | {"training": _some_classes(parts["training"], config)})


def _divide(source: Source, fractions: dict[str, float], by: str) -> dict[str, Source]:
    """The named parts of a source; at least two classes in each."""
    drawn = source.split(tuple(fractions.values()), seed=0, by=by)
    parts = {n: replace(part, name=f"{source.name} ({n} part)") for n, part in zip(fractions, drawn, strict=True)}
    for name, part in parts.items():
        if len(part.class_names) < 2:
            raise InputError(
                f"{name}={fractions[name]:g} of {source.name}'s {len(source.class_names)} classes is 1 class; give "
                "a larger fraction, or 0 for none, or divide by item (split_by='item', --split-by item)"
            )
    return parts


def _some_classes(source: Source, config: Config) -> Source:
    """The training classes: the first in an order drawn by the seed, so that 20 classes include the 10 of a run."""
    if config.classes is None:
        return source
    if config.classes > len(source.class_names):
        raise InputError(f"classes={config.classes}, but {source.name} has {len(source.class_names)}; ask for fewer")
    order = torch.randperm(len(source.class_names), generator=generator(config.fit.seed, "classes"))
    return source.subset(classes=[source.class_names[c] for c in order[: config.classes].tolist()])


def training_sampler(config: Config, source: Source) -> EpisodeSampler:
    """The training tasks of a run, drawn from a source.

    Args:
        config: Settings of the run.
        source: Training part of its data.

    Raises:
        InputError: If the source is too small for a task.

    Example:
        >>> training_sampler(Config("digits", ways=3), load_dataset("digits")).batch(0, 2).support.labels.shape
        torch.Size([2, 3, 3])
    """
    return EpisodeSampler(
        source,
        config.ways,
        config.shots,
        config.queries,
        seed=config.fit.seed,
        within_group=config.within_group,
        disjoint_authors=config.disjoint_authors,
    )


def validation_sampler(config: Config, source: Source) -> EpisodeSampler:
    """The validation tasks of a run, the same for every seed; with fewer ways than in training if classes are few.

    Args:
        config: Settings of the run.
        source: Validation part of its data.

    Raises:
        InputError: As `training_sampler`.

    Example:
        >>> few = load_dataset("digits").subset(classes=["3", "8"])
        >>> validation_sampler(Config("digits", ways=5), few).ways
        2
    """
    ways = min(config.most_ways, len(source.class_names))
    return EpisodeSampler(source, ways, config.shots, config.queries, seed=0, disjoint_authors=config.disjoint_authors)


def samplers(config: Config, sources: Sources) -> tuple[EpisodeSampler, EpisodeSampler | None]:
    """The training tasks of a run and, if it has a validation part, its validation tasks.

    Args:
        config: Settings of the run.
        sources: Its data.

    Raises:
        InputError: If a part is too small for a task.

    Example:
        >>> config = Config("digits", validation=0.5)
        >>> [part.source.name for part in samplers(config, load_sources(config))]
        ['digits (training part)', 'digits (validation part)']
    """
    held_out = None if sources.validation is None else validation_sampler(config, sources.validation)
    return training_sampler(config, sources.training), held_out


def drop_validation_if_small(config: Config) -> Config:
    """The settings, without validation if the data are too few to hold a part out.

    Args:
        config: Settings of the run.

    Raises:
        InputError: If the data are too few even without validation, or cannot be read.

    Example:
        >>> [drop_validation_if_small(Config("digits", ways=ways)).validation for ways in (5, 9)]
        [0.2, 0.0]
    """
    try:
        samplers(config, load_sources(config))
    except InputError:
        config = replace(config, validation=0.0)
        samplers(config, load_sources(config))
    return config


def classes_seen(config: Config, data: str, source: Source) -> int:
    """Number of classes of a source that a run was trained on; 0 if its training data no longer exist.

    Args:
        config: Settings of the run.
        data: Name or path of the data that the source was loaded from.
        source: Source that the run is to be evaluated on.

    Example:
        >>> config = Config("digits", test=0.3)
        >>> [classes_seen(config, "digits", source) for source in (load_dataset("digits"), load_sources(config).test)]
        [5, 0]
    """
    if replace(config, data=data).with_absolute_paths().data != config.with_absolute_paths().data:
        return 0
    try:
        trained = load_sources(config).training
    except InputError:
        return 0
    return len(set(trained.class_names) & set(source.class_names))


def image_shape(source: Source, volumes: bool = False) -> tuple[int, int]:
    """Number of channels, and size in pixels, of the square images of a source; see below for others.

    Args:
        source: Source of images, sounds or sentences.
        volumes: Whether it may be one of volumes, which no encoder is trained on.

    Returns:
        (channels, size) of images and volumes; (0, number of samples) of sounds of one channel; (0, 0) for
        sentences; (0, -1) for examples of several parts.

    Raises:
        InputError: If its examples are neither square images nor sounds of one channel nor sentences.
    """
    if source.is_text:
        return 0, 0
    if isinstance(source.store, Parts):
        return 0, OF_PARTS
    store = source.store
    if source.is_sounds and isinstance(store, Tensor) and store.ndim == 3 and store.shape[1] == 1:
        return 0, store.shape[2]
    if isinstance(store, Tensor) and are_volumes(store):
        if volumes:
            return store.shape[1], store.shape[2]
        raise InputError(
            f"{source.name}: holds scans, and encoders of volumes are not trained; use a frozen one, by `manyshot "
            "fit`, `manyshot compare` or `manyshot evaluate --encoder`, or learn masks by `manyshot segment train`"
        )
    if not isinstance(store, Tensor) or store.ndim != 4 or store.shape[2] != store.shape[3]:
        raise InputError(f"{source.name}: training takes square images; load them with a size")
    return store.shape[1], store.shape[2]
