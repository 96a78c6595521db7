"""Runs of augmenters: a trained augmenter with its learner, read from and written to a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.meta_augment.augmented_learner import AugmentedLearner
from manyshot.meta_augment.augmenter_config import AugmenterConfig
from manyshot.meta_augment.tailor import TailoredSamples, tailor
from manyshot.runtime.checkpoint import load_checkpoint, save_checkpoint
from manyshot.runtime.device import device_or_cpu
from manyshot.runtime.metrics_log import Row, read_metrics
from manyshot.runtime.run_folder import CONFIG, kind_of_run, read_config, write_config
from manyshot.training.load_run import AUGMENTER, Run, load_run

LEARNER = "learner"
"""Subfolder of an augmenter's run that holds the run of its learner."""


@dataclass(frozen=True, eq=False)
class AugmenterRun:
    """A trained augmenter, with its settings and the run of its learner.

    Args:
        config: Settings of the training.
        augmenter: Augmenter with the best weights, in evaluation mode.
        run: Run of the learner.
        shape: Shape of the augmenter's inputs: (c, h, w) of images, or (d,) of features.
        rows: Logged metrics of the training.
        folder: Folder of the run; None if it was not stored.
    """

    config: AugmenterConfig
    augmenter: LearnedAugmenter
    run: Run
    shape: tuple[int, ...]
    rows: list[Row]
    folder: Path | None = None

    @property
    def learner(self) -> Learner:
        """The learner of images, which adapts to its support without augmentation."""
        return self.run.learner

    @property
    def augmented(self) -> AugmentedLearner:
        """The learner that adapts to its support and as many generated examples as in training."""
        return AugmentedLearner(self.run.learner, self.augmenter, self.config.copies).eval()

    def augment(
        self, images: Tensor, labels: Sequence[Any], per_class: int = 20, seed: int = 0, adapt_steps: int = 0
    ) -> TailoredSamples:
        """Generate samples tailored to a new task, from its few labeled examples.

        Args:
            images: Images `[n, c, h, w]` of the shape that the run was trained on, uint8 or with values from 0 to 1.
            labels: Labels of the n images, such as names of classes.
            per_class: Number of samples per class.
            seed: Seed of the draws; the same seed gives the same samples.
            adapt_steps: Number of steps by which the augmenter is adapted to the task by leave-one-out, which takes
                two examples per class; 0 for none.

        Raises:
            InputError: If images have another shape, or for the reasons of `manyshot.meta_augment.tailor.tailor`.
        """
        shape = (self.run.channels, self.run.size, self.run.size)
        if tuple(images.shape[1:]) != shape:
            raise InputError(
                f"images of shape {tuple(images.shape)}: the augmenter was trained on {shape[1]} x {shape[2]} pixels "
                f"and {shape[0]} channel{'s' if shape[0] > 1 else ''}; give [n, {', '.join(map(str, shape))}]"
            )
        return tailor(self.augmenter, self.learner, images, labels, per_class, seed, adapt_steps)


def load_augmenter_run(folder: Path | str) -> AugmenterRun:
    """Load an augmenter's run, with its best weights and its learner; executes no code from the folder.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: If the folder is no augmenter's run, or a file is damaged.
    """
    folder = Path(folder)
    config, shape = _read(folder)
    run = load_run(folder / LEARNER)
    freeze(run.learner)
    augmenter = make_augmenter(config, shape)
    best = folder / "best.safetensors"
    trained = AugmentedLearner(run.learner, augmenter, config.copies, joint=config.joint)
    load_checkpoint(best if best.exists() else folder / "last.safetensors", trained, steps=config.fit.steps)
    trained.to(device_or_cpu(config.fit.device)).eval()
    return AugmenterRun(config, augmenter, run, shape, read_metrics(folder / "metrics.jsonl"), folder)


def is_augmenter_run(folder: Path | str) -> bool:
    """Whether a folder holds an augmenter's run rather than a learner's.

    Example:
        >>> is_augmenter_run("/nowhere")
        False
    """
    return kind_of_run(folder) == AUGMENTER


def make_augmenter(config: AugmenterConfig, shape: tuple[int, ...]) -> LearnedAugmenter:
    """Build the augmenter of some settings, with initial weights from the seed of the training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        return AUGMENTERS.parse(config.augmenter).build(shape=shape)


def same_encoder(one: Learner, other: Learner) -> bool:
    """Whether two learners compute the same features, so that an augmenter of features of one fits the other.

    Example:
        >>> from manyshot.learners import Prototypes, Ridge
        >>> encoder = torch.nn.Linear(4, 3)
        >>> same_encoder(Prototypes(encoder), Ridge(encoder))
        True
        >>> same_encoder(Prototypes(encoder), Ridge(torch.nn.Linear(4, 3)))
        False
    """
    parts, others = one.on_features(), other.on_features()
    if parts is None or others is None:
        return False
    first, second = parts[0].state_dict(), others[0].state_dict()
    if first.keys() != second.keys():
        return False
    return all(
        first[name].shape == second[name].shape and torch.equal(first[name].cpu(), second[name].cpu()) for name in first
    )


def freeze(learner: Learner) -> None:
    """Freeze a learner in evaluation mode; one that adapts by gradient steps keeps the derivatives that these need."""
    learner.eval()
    if not learner.takes_gradient_steps:
        for parameter in learner.parameters():
            parameter.requires_grad_(False)


def save_learner(folder: Path, run: Run) -> None:
    """Store a learner as a run that `load_run` reads."""
    classes = run.learner.classes
    write_config(folder, run.config.as_dict(), channels=run.channels, size=run.size, training_classes=classes)
    save_checkpoint(folder / "best.safetensors", run.learner, None, {"step": run.config.fit.steps})


def read_augmenter_config(folder: Path) -> dict[str, Any]:
    """Read the settings of an augmenter's run."""
    return _read(folder)[0].as_dict()


def _read(folder: Path) -> tuple[AugmenterConfig, tuple[int, ...]]:
    path = folder / CONFIG
    if not is_augmenter_run(folder):
        raise InputError(f"{folder} holds no augmenter; name a folder that `manyshot train --stage augmenter` wrote")
    values = read_config(folder)
    shape = values.get("shape")
    if not (isinstance(shape, list) and len(shape) in (1, 3) and all(isinstance(n, int) and n > 0 for n in shape)):
        raise InputError(f"{path}: shape={shape}: not the shape of an example; restore the file")
    return AugmenterConfig.from_dict(values.get("config"), str(path)), tuple(shape)
