"""Pictures that a generative model generates while it is trained, always from the same noise and conditions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.generate.batches import Batch, as_floats
from manyshot.generate.generative_model import GenerativeModel
from manyshot.generate.monitor import generate_like

SNAPSHOTS = "snapshots.safetensors"
OLD_SNAPSHOTS = "looks.safetensors"
"""Name of the file in runs of format 1."""


@dataclass(frozen=True, eq=False)
class SnapshotImages:
    """What was generated at each snapshot.

    Args:
        conditions: Examples `[n, ...]` that the model is conditioned on, for models that take some.
        generated: Generated examples `[n, ...]` by step.
    """

    conditions: Tensor | None
    generated: dict[int, Tensor]


class SnapshotRecorder:
    """Generates the pictures of a snapshot, writes those of all snapshots, and passes them on.

    Args:
        batch: Real examples with the conditions to generate from.
        seed: Seed of the noise.
        folder: Folder of the run; None writes nothing.
        resumed_at: Step at which a training resumes, up to which earlier snapshots count; 0 for a new one.
        on_snapshot: Function to call with the images of all snapshots.
    """

    def __init__(
        self,
        batch: Batch,
        seed: int,
        folder: Path | None,
        resumed_at: int,
        on_snapshot: Callable[[SnapshotImages], None] | None,
    ) -> None:
        earlier = read_snapshots(folder, resumed_at) if folder and resumed_at else {}
        self.images = SnapshotImages(batch.condition.like, earlier)
        self._batch, self._seed, self._folder, self._on_snapshot = batch, seed, folder, on_snapshot

    def record(self, step: int, model: GenerativeModel) -> None:
        """Take a snapshot; one of a model of features holds no pictures, so nothing is recorded.

        Args:
            step: Number of completed steps.
            model: Generative model in evaluation mode.
        """
        if len(model.shape) != 3:
            return
        self.images.generated[step] = generate_like(model, self._batch, self._seed)
        if self._folder is not None:
            write_snapshots(self._folder, self.images.generated)
        if self._on_snapshot is not None:
            self._on_snapshot(self.images)


def read_snapshots(folder: Path, up_to: int | None = None) -> dict[int, Tensor]:
    """The pictures that were generated at each snapshot of a run, by step; empty if the file is missing or damaged.

    Args:
        folder: Folder of the run.
        up_to: Last step to read.

    Example:
        >>> read_snapshots(Path("/nowhere"))
        {}
    """
    try:
        path = folder / SNAPSHOTS
        tensors, _ = read_tensors(path if path.exists() else folder / OLD_SNAPSHOTS)
        generated = {int(step): as_floats(tensor) for step, tensor in tensors.items()}
    except ValueError:  # a training does not fail for want of pictures
        return {}
    return {step: generated[step] for step in sorted(generated) if up_to is None or step <= up_to}


def write_snapshots(folder: Path, generated: dict[int, Tensor]) -> None:
    """Write the pictures of all snapshots so far to a run's folder.

    Args:
        folder: Folder of the run.
        generated: Pictures `[n, c, h, w]` in [0, 1] by step.
    """
    write_tensors(
        folder / SNAPSHOTS,
        {f"{step:07}": images.mul(255).round().to(torch.uint8) for step, images in generated.items()},
    )
