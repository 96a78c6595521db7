"""Settings of a generative model's run, as plain data, and the parts of its data."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.datasets.data_settings import DataSettings
from manyshot.generate import MODELS, DataSpec
from manyshot.generate.ada import AdaptiveProbability
from manyshot.generate.diff_augment import discriminator_ops
from manyshot.generate.generative_model import Conditioning
from manyshot.generate.registry import objective_class
from manyshot.runtime.loop_settings import LoopSettings
from manyshot.runtime.stored_settings import absolute_path
from manyshot.tasks import Source
from manyshot.training.encode_source import encode
from manyshot.training.load_run import load_run


@dataclass(frozen=True)
class GeneratorSettings(LoopSettings):
    """Settings of the training loop of a generative model.

    Args:
        steps: Number of updates of the generator.
        batch_size: Number of real examples, and of generated ones, per update.
        learning_rate: Learning rate of the generator.
        discriminator_learning_rate: Learning rate of the discriminator; that of the generator if None.
        discriminator_steps: Number of updates of the discriminator per update of the generator.
        ema_decay: Decay of the moving average of the weights, per step.
        ada_target: Target of the adaptive probability of augmentation, such as 0.6; if None, each op changes every
            example.
        ada_examples: Number of examples over which the adaptive probability can go from 0 to 1.
        eval_every: Number of steps between two evaluations of generated examples.
        eval_examples: Number of examples that an evaluation compares.
        save_every: Number of steps between two checkpoints.

    Raises:
        InputError: If a value is out of range.
    """

    steps: int = 5000
    batch_size: int = 64
    learning_rate: float = 1e-3
    discriminator_learning_rate: float | None = None
    discriminator_steps: int = 1
    ema_decay: float = 0.999
    ada_target: float | None = None
    ada_examples: int = 50_000
    eval_every: int = 500
    eval_examples: int = 512
    save_every: int = 500

    def check(self) -> None:
        """Refuse numbers that are out of range; called once all settings are plain numbers."""
        for name in ("steps", "batch_size", "discriminator_steps", "eval_every", "save_every", "ada_examples"):
            value = getattr(self, name)
            if not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1")
        if not (is_whole(self.eval_examples) and 8 <= self.eval_examples <= 10_000):
            raise InputError(f"eval_examples={self.eval_examples}: give a whole number from 8 to 10,000")
        if self.batch_size > 65_536:
            raise InputError(f"batch_size={self.batch_size}: give at most 65,536")
        for name in ("learning_rate", "discriminator_learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name}={value}: give a positive number")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay={self.ema_decay}: give from 0 to below 1")
        if self.ada_target is not None:
            AdaptiveProbability(self.ada_target, self.ada_examples)


@dataclass(frozen=True)
class GeneratorConfig(DataSettings):
    """Settings of a generative model's run: data, model, augmentation and training loop.

    Args:
        data: Name of a data set, or path of an image folder.
        split: Part of the data set; its first one if None.
        root: Folder of the data set's official files; the usual places if None.
        size: Height and width of the images, in pixels; the data set's own if None.
        centered: Whether drawings are centered and scaled to one size.
        model: Model with its options, such as "dcgan" or "dagan(width=32)". Options that are not given are added, so
            that stored settings do not depend on later defaults.
        plan: Augmentation of the discriminator's input, real and generated, such as "support: affine erase".
        encoder: Folder of a run whose encoder turns images into features, which the model then generates; None
            generates images.
        classes: Number of training classes, drawn by the seed; all if None.
        per_class: Number of training examples per class, drawn by the seed; all if None.
        validation: Fraction that is held out for evaluation during training: of the classes for models that are shown
            examples, else of the examples of each class. With 0, the training examples are used.
        test: Fraction that is held out for scoring, divided in the same way.
        fit: Settings of the training loop.

    Raises:
        InputError: If a value is out of range, or a name is unknown.
    """

    described = "a generative model's settings"

    model: str = "dcgan"
    plan: str = "none"
    encoder: str | None = None
    classes: int | None = None
    per_class: int | None = None
    validation: float = 0.0
    test: float = 0.0
    fit: GeneratorSettings = field(default_factory=GeneratorSettings)

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not (self.validation >= 0 and self.test >= 0 and self.validation + self.test < 1):
            raise InputError(
                f"validation={self.validation}, test={self.test}: give fractions of at least 0 "
                "that leave something to train on"
            )
        for name in ("classes", "per_class"):
            value = getattr(self, name)
            if value is not None and not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1, or leave it out for all")
        if not objective_class(self.model).has_discriminator:
            self._require_no_discriminator()
        if discriminator_ops(self.plan) and self.encoder is not None:
            raise InputError("plan: image ops cannot change features; leave the plan or the encoder out")
        if self.fit.ada_target is not None and not discriminator_ops(self.plan):
            raise InputError(
                f"ada_target={self.fit.ada_target}: there is nothing to adapt without a plan; give one (--plan)"
            )
        object.__setattr__(self, "model", str(MODELS.parse(self.model)))

    def _require_no_discriminator(self) -> None:
        """Make sure that no setting of a discriminator is given, since it would have no effect."""
        fit = self.fit
        given = {"plan": bool(discriminator_ops(self.plan)), "ada_target": fit.ada_target is not None}
        given["discriminator_learning_rate"] = fit.discriminator_learning_rate is not None
        for name, is_given in (given | {"discriminator_steps": fit.discriminator_steps != 1}).items():
            if is_given:
                raise InputError(f"{name}: {self.model} has no discriminator, so it has no effect; leave it out")

    def with_absolute_paths(self) -> "GeneratorConfig":
        """The same settings with absolute paths, also of the encoder, so that a run can be used from any folder."""
        encoder = None if self.encoder is None else absolute_path(self.encoder)
        return replace(super().with_absolute_paths(), encoder=encoder)


@dataclass(frozen=True, eq=False)
class GeneratorSources:
    """The data of a generative model, in parts with no class (or example) in common.

    Args:
        training: Training data.
        validation: Data for evaluation during training, if any.
        test: Data for scoring, if any.
    """

    training: Source
    validation: Source | None = None
    test: Source | None = None


def load_generator_sources(config: GeneratorConfig, conditioning: Conditioning) -> GeneratorSources:
    """Load the data of a generative model and divide them into parts.

    Args:
        config: Settings of the run.
        conditioning: Input of the model. The parts of models that are shown examples have different classes, those of
            other models different examples of the same classes.

    Raises:
        InputError: If the data cannot be read, or have fewer classes or examples than asked for.

    Example:
        >>> parts = load_generator_sources(GeneratorConfig("digits", per_class=5, test=0.2), "label")
        >>> parts.training.counts.tolist() == [5] * 10, len(parts.test.class_names)
        (True, 10)
    """
    source = load_dataset(config.data, **config.loading)
    if config.encoder is not None:
        source = _features(source, Path(config.encoder), config.fit.device)
    fractions = {"training": 1 - config.validation - config.test, "validation": config.validation, "test": config.test}
    fractions = {name: fraction for name, fraction in fractions.items() if fraction}
    parts = {"training": source}
    if len(fractions) > 1:
        by = "class" if conditioning in ("item", "mean") else "item"
        drawn = source.split(tuple(fractions.values()), seed=0, by=by)
        parts = {n: replace(part, name=f"{source.name} ({n} part)") for n, part in zip(fractions, drawn, strict=True)}
    return GeneratorSources(**parts | {"training": _some(parts["training"], config)})


def data_spec_of(source: Source) -> DataSpec:
    """Shape and number of classes of the data that a model for this source generates.

    Args:
        source: Source of square images or of vectors.

    Raises:
        InputError: If its examples are anything else.

    Example:
        >>> data_spec_of(Source.of(torch.zeros(4, 8), ["a", "b"] * 2))
        DataSpec(shape=(8,), classes=2)
    """
    if not isinstance(source.store, Tensor):
        raise InputError(f"{source.name}: its examples are no images or vectors; load or encode them first")
    return DataSpec(tuple(source.store.shape[1:]), len(source.class_names))


def _features(source: Source, folder: Path, device: str) -> Source:
    parts = load_run(folder).learner.on_features()
    if parts is None:
        raise InputError(
            f"{folder}: its learner adapts the encoder to each task, so features are not fixed; name another run"
        )
    return encode(parts[0], source, device)


def _some(source: Source, config: GeneratorConfig) -> Source:
    """The training classes and examples, the first ones in orders drawn by the seed; smaller numbers draw subsets."""
    if config.classes is not None:
        if config.classes > len(source.class_names):
            raise InputError(
                f"classes={config.classes}, but {source.name} has {len(source.class_names)}; ask for fewer"
            )
        order = torch.randperm(len(source.class_names), generator=generator(config.fit.seed, "classes")).tolist()
        source = source.subset(classes=[source.class_names[c] for c in order[: config.classes]])
    if config.per_class is None:
        return source
    keep = np.zeros(len(source), dtype=bool)
    for name, start, count in zip(source.class_names, source.starts.tolist(), source.counts.tolist(), strict=False):
        if count < config.per_class:
            raise InputError(
                f"per_class={config.per_class}, but class '{name}' of {source.name} has {count}; ask for fewer"
            )
        order = torch.randperm(count, generator=generator(config.fit.seed, "items", name)).tolist()
        keep[start + np.array(order[: config.per_class])] = True
    return source.subset(items=keep)
