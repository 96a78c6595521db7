"""CPU seconds and threads of a training, in a file of their own: the other files of a run are the same each time."""

import time
from pathlib import Path
from typing import NotRequired, TypedDict

import torch

from manyshot.base import InputError, has_type, note, read_json, sweep, write_json

TIMING = "timing.json"

MAX_SECONDS = 1e12


class CpuSeconds(TypedDict):
    """What the file holds."""

    cpu_seconds: float
    threads: NotRequired[int]


class CpuClock:
    """CPU seconds of a training, summed over its sessions.

    A session that was killed counts up to its last checkpoint, from which the next session continues.

    Args:
        folder: Folder of the run; None writes nothing.
        resumed: Whether the seconds of earlier sessions are added.
    """

    def __init__(self, folder: Path | None, resumed: bool) -> None:
        self._path = None if folder is None else folder / TIMING
        self._before = cpu_seconds(folder) if folder is not None and resumed else 0.0
        self._began = time.process_time()
        if folder is not None and resumed:
            _note_other_threads(folder)
        if self._path is not None:
            sweep(self._path)

    def spent(self) -> float:
        """CPU seconds of this process since the training began or was resumed."""
        return time.process_time() - self._began

    def note(self, seconds: float) -> None:
        """Write the total to the run's folder.

        Args:
            seconds: CPU seconds of all processes since the training began or was resumed.
        """
        if self._path is not None:
            write_json(self._path, {"cpu_seconds": self._before + seconds, "threads": torch.get_num_threads()})


def cpu_seconds(folder: Path) -> float:
    """CPU seconds of the training of a run, validation included; 0 if the folder has no record of them.

    Args:
        folder: Folder of the run.

    Raises:
        InputError: If the record is damaged.

    Example:
        >>> cpu_seconds(Path("/nowhere"))
        0.0
    """
    record = _record(folder)
    return 0.0 if record is None else float(record["cpu_seconds"])


def _note_other_threads(folder: Path) -> None:
    """Say so if a training is resumed with another number of threads than it had."""
    record, threads = _record(folder), torch.get_num_threads()
    had = threads if record is None else record.get("threads", threads)
    if had != threads:
        note(
            f"{folder} was trained with {had} threads and is resumed with {threads}: sums are rounded in another "
            f"order, so it will not end with the same bits; OMP_NUM_THREADS={had} keeps them"
        )


def _record(folder: Path) -> CpuSeconds | None:
    path = folder / TIMING
    if not path.exists():
        return None
    values = read_json(path)
    if not has_type(values, CpuSeconds) or not 0 <= values["cpu_seconds"] < MAX_SECONDS:
        raise InputError(f"{path}: holds no CPU seconds; remove the file to start again from 0")
    record: CpuSeconds = values
    return record
