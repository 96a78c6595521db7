"""A generative model's run: the folder that its training writes, and what is read back from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from manyshot.base import InputError, locked_folder
from manyshot.generate import MODELS, DataSpec, GenerativeModel, GeneratorObjective
from manyshot.generate.diff_augment import discriminator_ops
from manyshot.generate.generator_config import GeneratorConfig, data_spec_of, load_generator_sources
from manyshot.generate.generator_training_loop import fit_generator
from manyshot.generate.registry import objective_class
from manyshot.generate.snapshots import SnapshotImages
from manyshot.runtime.checkpoint import load_checkpoint
from manyshot.runtime.device import device_or_cpu, require_device
from manyshot.runtime.metrics_log import Row, read_metrics
from manyshot.runtime.run_folder import CONFIG, check_run_folder, kind_of_run, read_config, write_config
from manyshot.training.load_run import GENERATOR

MOST_NUMBERS = 10_000_000
"""Of an item, as a run's folder may claim."""


@dataclass(frozen=True, eq=False)
class GeneratorRun:
    """A trained generative model and where it came from.

    Args:
        config: Settings of the training.
        model: Model with the stored weights, in evaluation mode.
        class_names: Names of the training classes, in order.
        rows: Logged rows of the training.
        folder: Folder of the run, if there is one.
        step: Step of the weights: that of the best snapshot, or the last one if every snapshot had a problem.
    """

    config: GeneratorConfig
    model: GenerativeModel
    class_names: tuple[str, ...]
    rows: list[Row]
    folder: Path | None = None
    step: int = 0

    @property
    def steps(self) -> int:
        """Number of training steps."""
        return max((row["step"] for row in self.rows), default=0)

    @property
    def problem(self) -> str | None:
        """Problem of the last snapshot; None if there was none."""
        problems = [row["problem"] for row in self.rows if "problem" in row and row["step"] == self.steps]
        return problems[0] if problems else None

    @property
    def best(self) -> Row | None:
        """Row of the snapshot with the stored weights: the best one without a problem; None if there is none."""
        excluded = {row["step"] for row in self.rows if "problem" in row}
        snapshots = [row for row in self.rows if "recall" in row and row["step"] not in excluded]
        return min(snapshots, key=lambda row: row["kernel_distance"], default=None)


def train_generator(
    config: GeneratorConfig,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "train",
    on_snapshot: Callable[[SnapshotImages], None] | None = None,
) -> GeneratorRun:
    """Train a generative model by its settings and store it as a run.

    Args:
        config: Model, data and settings of the training.
        folder: Folder of the run; None writes nothing.
        resume: Whether to resume the run in the folder, which must have the same settings.
        title: Title of the progress bar.
        on_snapshot: Function to call after each snapshot, see `fit_generator`.

    Raises:
        InputError: If the folder holds something else or another process writes to it, or the data cannot be used.
        TrainingDiverged: See `fit_generator`.

    Example:
        >>> from manyshot.generate.generator_config import GeneratorSettings
        >>> few = GeneratorSettings(steps=2, batch_size=4, eval_examples=16)
        >>> run = train_generator(GeneratorConfig("digits", model="gan(width=8)", fit=few))
        >>> run.model.sample(3, generator=torch.Generator().manual_seed(0)).shape, run.steps
        (torch.Size([3, 1, 28, 28]), 2)
    """
    config = config.with_absolute_paths()
    with locked_folder(folder):
        return _train(config, folder, resume, title, on_snapshot)


def _train(
    config: GeneratorConfig,
    folder: Path | None,
    resume: bool,
    title: str,
    on_snapshot: Callable[[SnapshotImages], None] | None,
) -> GeneratorRun:
    if folder is not None:
        check_run_folder(folder, _settings_in, config.as_dict(), resume)
    require_device(config.fit.device)
    parts = load_generator_sources(config, objective_class(config.model).conditioning)
    kind = data_spec_of(parts.training)
    objective = _make(config, kind)
    if folder is not None:
        write_config(folder, config.as_dict(), GENERATOR, shape=kind.shape, classes=parts.training.class_names)
    rows = fit_generator(
        objective,
        parts.training,
        config.fit,
        discriminator_ops(config.plan),
        parts.validation,
        folder,
        resume,
        title,
        on_snapshot,
    )
    run = GeneratorRun(config, objective.averaged, parts.training.class_names, rows, folder)
    return replace(run, step=run.steps if run.best is None else run.best["step"])


def load_generator_run(folder: Path | str) -> GeneratorRun:
    """Read a run back, with the weights that were kept; runs no code from the folder.

    Raises:
        InputError: If the folder is no generative model's run, a file is missing or damaged, or the training ended
            before anything was learned.
    """
    folder = Path(folder)
    config, kind, names = _read_config(folder)
    objective = _make(config, kind)
    weights = next((path for name in ("best", "last") if (path := folder / f"{name}.safetensors").exists()), None)
    if weights is None:
        raise InputError(f"{folder} holds no weights; restore them, or name a folder that `manyshot gan train` wrote")
    step = load_checkpoint(weights, objective, steps=config.fit.steps)["step"]
    if step < 1:
        raise InputError(
            f"{folder}: its training ended before anything was learned; go on with it by `manyshot gan train` and "
            "--resume, or train another if it diverged"
        )
    objective.to(device_or_cpu(config.fit.device)).eval()
    return GeneratorRun(config, objective.averaged, names, read_metrics(folder / "metrics.jsonl"), folder, step)


def is_generator_run(folder: Path | str) -> bool:
    """Whether a folder holds a generative model's run.

    Example:
        >>> is_generator_run("/nowhere")
        False
    """
    return kind_of_run(folder) == GENERATOR


def _make(config: GeneratorConfig, kind: DataSpec) -> GeneratorObjective:
    """The model with the weights that its seed gives it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.fit.seed)
        return MODELS.parse(config.model).build(spec=kind)


def _settings_in(folder: Path) -> dict[str, Any]:
    return _read_config(folder)[0].as_dict()


def _read_config(folder: Path) -> tuple[GeneratorConfig, DataSpec, tuple[str, ...]]:
    path = folder / CONFIG
    if not path.exists():
        raise InputError(f"{folder} holds no run (no {CONFIG}); name a folder that `manyshot gan train` wrote")
    if not is_generator_run(folder):
        raise InputError(f"{folder} holds no generative model; name a folder that `manyshot gan train` wrote")
    values = read_config(folder)
    try:
        shape, names = tuple(int(side) for side in values["shape"]), tuple(map(str, values["classes"]))
        kind = DataSpec(shape, len(names))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: not a generative model's settings ({error})") from None
    if torch.Size(shape).numel() > MOST_NUMBERS:
        raise InputError(f"{path}: shape={shape}: out of range")
    return GeneratorConfig.from_dict(values.get("config", {}), str(path)), kind, names
