"""Everything that a generative model's run is made from, as plain data."""

import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError, is_whole, plain_numbers
from manyshot.base.seeds import generator
from manyshot.datasets import DATASETS, load_dataset
from manyshot.generate import MODELS, DataSpec
from manyshot.generate.ada import AdaptiveProbability
from manyshot.generate.diff_augment import discriminator_ops
from manyshot.generate.model import Conditioning
from manyshot.generate.registry import objective_class
from manyshot.runtime.read_settings import read_settings
from manyshot.tasks import Source
from manyshot.training.feature_cache import encode
from manyshot.training.run import load_run


@dataclass(frozen=True)
class GeneratorSettings:
    """How to train a generative model.

    Args:
        steps: updates of the generator.
        batch_size: real items, and made ones, that an update sees.
        learning_rate: the generator's learning rate.
        discriminator_learning_rate: the discriminator's; the generator's if None.
        discriminator_steps: updates of the discriminator for one of the generator.
        ema_decay: how much of the averaged weights a step keeps.
        ada_target: target of the adaptive probability of augmentation, such as 0.6; if None, each op changes every
            example.
        ada_examples: see `AdaptiveProbability`.
        eval_every: steps between two looks at what is made.
        eval_examples: how many items a look compares.
        save_every: steps between two checkpoints.
        seed: of the weights and of all draws.
        device: "cpu", "cuda", ...

    Raises:
        InputError: if a value is out of range.
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
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        plain_numbers(self)
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
class GeneratorConfig:
    """What a generative model was trained on and how; part of its folder's `config.json`.

    Args:
        data: name of a data set, or path of an image folder.
        split: part of the data set; its first one if None.
        root: folder of the data set's official files, if not the usual places.
        size: height and width of the images, in pixels; the data set's own if None.
        centered: drawings moved to the middle and brought to one size.
        model: such as "dcgan" or "dagan(width=32)"; kept with all of its options, so that a run's settings mean the
            same whatever the defaults become.
        plan: what the discriminator sees augmented, real and made alike, such as "support: affine erase".
        encoder: folder of a run whose encoder turns the images into features, which are then what is made.
        classes: train on so many classes alone, drawn by the seed; all if None.
        per_class: train on so many items of each class alone, drawn by the seed; all if None.
        validation: share that is held out to look at while training: of the classes, for models that are shown items,
            else of each class's items; 0 looks at the training items.
        test: share that is set aside to score by, divided likewise.
        fit: steps, rates and the like.

    Raises:
        InputError: if a value is out of range, or a name unknown.
    """

    data: str
    split: str | None = None
    root: str | None = None
    size: int | None = None
    centered: bool = False
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
                f"validation={self.validation}, test={self.test}: give shares of at least 0 that "
                "leave something to train on"
            )
        for name in ("classes", "per_class"):
            value = getattr(self, name)
            if value is not None and not (is_whole(value) and value >= 1):
                raise InputError(f"{name}={value}: give a whole number, at least 1, or leave it out for all")
        if not objective_class(self.model).has_discriminator:
            self._require_no_discriminator()
        if discriminator_ops(self.plan) and self.encoder is not None:
            raise InputError("plan: ops of pictures cannot change features; leave the plan or the encoder out")
        if self.fit.ada_target is not None and not discriminator_ops(self.plan):
            raise InputError(
                f"ada_target={self.fit.ada_target}: there is nothing to adapt without a plan; name one (--plan)"
            )
        object.__setattr__(self, "model", str(MODELS.parse(self.model)))

    def _require_no_discriminator(self) -> None:
        """What is for a discriminator has no effect on a model without one, and so is refused."""
        fit = self.fit
        given = {"plan": bool(discriminator_ops(self.plan)), "ada_target": fit.ada_target is not None}
        given["discriminator_learning_rate"] = fit.discriminator_learning_rate is not None
        for name, set_ in (given | {"discriminator_steps": fit.discriminator_steps != 1}).items():
            if set_:
                raise InputError(f"{name}: {self.model} has no discriminator, so it has no effect; leave it out")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str) -> "GeneratorConfig":
        """Read back what `as_dict` gave.

        Args:
            values: from JSON.
            where: named in errors.

        Raises:
            InputError: if a name is unknown or a value of the wrong kind.

        Example:
            >>> config = GeneratorConfig("digits", model="dcgan(16)", per_class=5)
            >>> config.model
            'dcgan(width=16, noise=64, loss=hinge, penalty=none, spectral=yes)'
            >>> GeneratorConfig.from_dict(config.as_dict(), "here") == config
            True
        """
        return read_settings(cls, values, where, "a generative model's settings")

    def with_absolute_paths(self) -> "GeneratorConfig":
        """The same with full paths, so that a run can be used from any folder.

        Example:
            >>> GeneratorConfig("digits").with_absolute_paths().data
            'digits'
        """
        path = Path(self.data).expanduser()
        named = self.data in DATASETS or not path.exists()
        return replace(
            self,
            data=self.data if named else str(path.resolve()),
            root=None if self.root is None else str(Path(self.root).expanduser().resolve()),
            encoder=None if self.encoder is None else str(Path(self.encoder).expanduser().resolve()),
        )


@dataclass(frozen=True, eq=False)
class GeneratorSources:
    """A generative model's data, in parts that have no class (or item) in common.

    Args:
        training: what is learned from.
        validation: what is looked at meanwhile, if anything.
        test: what is scored by, if anything.
    """

    training: Source
    validation: Source | None = None
    test: Source | None = None


def load_generator_sources(config: GeneratorConfig, conditioning: Conditioning) -> GeneratorSources:
    """Load the data and divide them as the settings say.

    Args:
        config: see there.
        conditioning: what the model is told; models that are shown items are judged on classes that they never saw.

    Raises:
        InputError: if the data cannot be read, or there are fewer classes or items than asked for.

    Example:
        >>> parts = load_generator_sources(GeneratorConfig("digits", per_class=5, test=0.2), "label")
        >>> parts.training.counts.tolist() == [5] * 10, len(parts.test.class_names)
        (True, 10)
    """
    source = load_dataset(config.data, config.split, root=config.root, size=config.size, centered=config.centered)
    if config.encoder is not None:
        source = _features(source, Path(config.encoder), config.fit.device)
    shares = {"training": 1 - config.validation - config.test, "validation": config.validation, "test": config.test}
    shares = {name: share for name, share in shares.items() if share}
    parts = {"training": source}
    if len(shares) > 1:
        by = "class" if conditioning in ("item", "mean") else "item"
        drawn = source.split(tuple(shares.values()), seed=0, by=by)
        parts = {n: replace(part, name=f"{source.name} ({n} part)") for n, part in zip(shares, drawn, strict=True)}
    return GeneratorSources(**parts | {"training": _some(parts["training"], config)})


def data_spec_of(source: Source) -> DataSpec:
    """What a model for this source is built for.

    Raises:
        InputError: if its items are neither square pictures nor vectors.

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
            f"{folder}: its learner adapts the encoder to each task, so features of items are not fixed; name another"
        )
    return encode(parts[0], source, device)


def _some(source: Source, config: GeneratorConfig) -> Source:
    """The first classes, and the first items of each, of orders that the seed draws; fewer are always among more."""
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
