"""The log of a training: one JSON object per line, and TensorBoard's files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyshot.base import InputError, has_type, parse_json, path_in_errors, read_bytes, sweep, write_aside
from manyshot.runtime.scalar_events import ScalarEvents
from manyshot.runtime.upgrade import ROW_KEYS

Row = dict[str, Any]

TEXTS = ("problem",)
"""Entries of a row that hold text; all others hold numbers."""
MAX_BYTES = 1 << 30
MAX_STEP = 10**12


class MetricsLog:
    """Rows such as `{"step": 10, "loss": 1.2}`, kept in memory and, if there is a folder, on disk.

    Rows hold no clock times, so that a resumed run writes the same file as one that was not interrupted. TensorBoard's
    files have the times.

    Args:
        folder: Folder of the run; None keeps the rows in memory alone.
        after: Step of the last checkpoint; later rows, which a killed run may have written, are dropped.

    Raises:
        InputError: If the log that is there is damaged, or lacks a step before the checkpoint.
    """

    def __init__(self, folder: Path | None, after: int = 0) -> None:
        self.rows: list[Row] = []
        self._file = self._board = None
        if folder is None:
            return
        path = folder / "metrics.jsonl"
        sweep(path)
        self.rows = [row for row in read_metrics(path) if row["step"] <= after]
        check_complete(path, self.rows, after)
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
            with path_in_errors(self._file.name):
                self._file.write(json.dumps(row) + "\n")
            for name, value in row.items():
                if name != "step" and isinstance(value, float):
                    self._board.add(name, value, row["step"])

    def close(self) -> None:
        """Flush and close the files."""
        if self._file is not None and self._board is not None:
            with path_in_errors(self._file.name):
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
    lines = read_bytes(path, MAX_BYTES).splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        where = f"{path}: line {number}"
        try:
            row = parse_json(line, where, dict[str, float | str], finite=False)
            row = {ROW_KEYS.get(name, name): value for name, value in row.items()}
            valid = has_type(row.get("step"), int) and all(
                isinstance(value, str) == (name in TEXTS) for name, value in row.items()
            )
        except InputError:
            if number == len(lines) and not line.endswith(b"\n"):
                break
            valid = False
        if not valid or not 0 <= row["step"] <= MAX_STEP:
            raise InputError(f"{where} is no row of metrics; restore the file, or train again")
        rows.append(row)
    return rows


def check_complete(path: Path, rows: Sequence[Row], steps: int) -> None:
    """Check that the log of a training has a row for every step up to its checkpoint.

    Args:
        path: Path of the log, for errors.
        rows: Rows of the log.
        steps: Step of the checkpoint.

    Raises:
        InputError: If a row is missing, naming the step.

    Example:
        >>> check_complete(Path("metrics.jsonl"), [{"step": 1}, {"step": 3}], 3)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: metrics.jsonl: no row of step 2; restore the file, or train again
    """
    noted = {row["step"] for row in rows}
    missing = next((step for step in range(1, steps + 1) if step not in noted), None)
    if missing is not None:
        raise InputError(f"{path}: no row of step {missing}; restore the file, or train again")


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
