"""The record of a training: one JSON object a line, and TensorBoard beside it."""

import json
from pathlib import Path
from typing import Any

from manyshot.base import InputError, sweep, write_aside

Row = dict[str, Any]


class MetricsLog:
    """Rows such as `{"step": 10, "loss": 1.2}`, kept in memory and, in a run folder, on disk.

    Rows hold no clock times, so that a resumed run's file equals that of a run never stopped; TensorBoard has the
    times.

    Args:
        folder: the run's, or None to keep the rows in memory alone.
        after: rows of later steps are dropped: a killed run may have written some that its last checkpoint does not
            know.
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
        # Imported here because it takes a second, which nothing but a training on disk should pay.
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1 if after else None)

    def write(self, row: Row) -> None:
        """Add a row."""
        self.rows.append(row)
        if self._file is not None and self._board is not None:
            self._file.write(json.dumps(row) + "\n")
            for name, value in row.items():
                if name != "step" and isinstance(value, float):
                    self._board.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Flush and close the files."""
        if self._file is not None and self._board is not None:
            self._file.close()
            self._board.close()


def read_metrics(path: Path) -> list[Row]:
    """The rows of a metrics file; a last line that a kill cut short is left out.

    Raises:
        InputError: if it holds anything else.

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
            raise InputError(f"{path}: line {number} is no row of metrics; restore the file, or train anew")
        rows.append(row)
    return rows


def steps_noted(folder: Path) -> int:
    """How many steps a training, perhaps in another process, has noted in its folder so far.

    Example:
        >>> steps_noted(Path("/nowhere"))
        0
    """
    path = folder / "metrics.jsonl"
    return path.read_bytes().count(b'"loss"') if path.exists() else 0
