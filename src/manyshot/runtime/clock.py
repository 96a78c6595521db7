"""What a training has cost so far, kept beside its weights: clock times would make these differ from run to run."""

import math
import time
from pathlib import Path

from manyshot.base import InputError, read_json, sweep, write_json

TIMING = "timing.json"


class CpuClock:
    """CPU seconds of a training, over all the stretches in which it went on.

    A stretch that was killed counts up to its last checkpoint, from where the next one goes on.

    Args:
        folder: the run's, or None to keep nothing.
        resumed: whether the seconds of earlier stretches count.
    """

    def __init__(self, folder: Path | None, resumed: bool) -> None:
        self._path = None if folder is None else folder / TIMING
        self._before = cpu_seconds(folder) if folder is not None and resumed else 0.0
        self._began = time.process_time()
        if self._path is not None:
            sweep(self._path)

    def spent(self) -> float:
        """CPU seconds of this process in this stretch."""
        return time.process_time() - self._began

    def note(self, seconds: float) -> None:
        """Write down the seconds of this stretch so far, of all processes."""
        if self._path is not None:
            write_json(self._path, {"cpu_seconds": self._before + seconds})


def cpu_seconds(folder: Path) -> float:
    """The CPU seconds that the training of a run took, validation included; 0 where none are noted.

    Raises:
        InputError: if the note is damaged.

    Example:
        >>> cpu_seconds(Path("/nowhere"))
        0.0
    """
    path = folder / TIMING
    if not path.exists():
        return 0.0
    values = read_json(path)
    seconds = values.get("cpu_seconds") if isinstance(values, dict) else None
    if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise InputError(f"{path}: holds no CPU seconds; remove the file to count anew")
    return float(seconds)
