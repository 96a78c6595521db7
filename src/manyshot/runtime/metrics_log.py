"""The log of a training: one JSON object per line, and TensorBoard's files."""

import json
from pathlib import Path
from typing import Any

from manyshot.base import InputError, naming, sweep, write_aside
from manyshot.runtime.scalar_events import ScalarEvents

Row = dict[str, Any]


class MetricsLog:
    """Rows such as `{"step": 10, "loss": 1.2}`, kept in memory and, if there is a folder, on disk.

    Rows hold no clock times, so that a resumed run writes the same file as one that was not interrupted. TensorBoard's
    files have the times.

    Args:
        folder: Folder of the run; None keeps the rows in memory alone.
        after: Step of the last checkpoint; later rows, which a killed run may have written, are dropped.
    """

    def __init__(self, folder: Path | None, after: int = 0) -> None:
        self.rows: list[Row] = []
        self._file = self._board = None
        if folder is None:
            return
        path = folder / "metrics.jsonl"
        sweep(path)
        self.rows = [row for row in read_metrics(path) if row["step"] <= after]
        with write_aside(path) as aside:
            aside.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._board = ScalarEvents(folder / "tensorboard", purge_step=after + 1 if after else None)

    def write(self, row: Row) -> None:
        """Add a row.

        Args:
            row: Numbers and text to log, with the number of the step as `step`.
        """
        self.rows.append(row)
        if self._file is not None and self._board is not None:
            with naming(self._file.name):
                self._file.write(json.dumps(row) + "\n")
            for name, value in row.items():
                if name != "step" and isinstance(value, float):
                    self._board.add(name, value, row["step"])

    def close(self) -> None:
        """Flush and close the files."""
        if self._file is not None and self._board is not None:
            with naming(self._file.name):
                self._file.close()
            self._board.close()


def read_metrics(path: Path) -> list[Row]:
    """The rows of a metrics file; an incomplete last line, which a killed run may leave, is ignored.

    Args:
        path: Path of the file; without a file there are no rows.

    Raises:
        InputError: If a line holds anything else.

    Example:
        >>> read_metrics(Path("/nowhere/metrics.jsonl"))
        []
    """
    if not path.exists():
        return []
    rows = []
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:  # not JSON, or not text
            if number == len(lines) and not line.endswith(b"\n"):
                break
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("step"), int):
            raise InputError(f"{path}: line {number} is no row of metrics; restore the file, or train again")
        rows.append(row)
    return rows


def steps_noted(folder: Path) -> int:
    """Number of steps that a training, perhaps in another process, has logged so far.

    Args:
        folder: Folder of the run.

    Example:
        >>> steps_noted(Path("/nowhere"))
        0
    """
    path = folder / "metrics.jsonl"
    return path.read_bytes().count(b'"loss"') if path.exists() else 0
