"""Results of each task as a CSV file, for further statistics."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from manyshot.base import write_aside

TASKS = "tasks.csv"
"""Name of the file in the folder of a run or a comparison."""

Row = Mapping[str, str | int | float]


def write_task_csv(path: Path | str, rows: Sequence[Row]) -> None:
    """Write rows to a CSV file with a header; numbers are written so that they read back exactly.

    Args:
        path: Path of the file; an existing file is replaced.
        rows: Rows with the same columns in the same order; at least one.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / TASKS
        >>> write_task_csv(path, [{"arm": "none", "task": 0, "accuracy": 0.25}])
        >>> path.read_text().split()
        ['arm,task,accuracy', 'none,0,0.25']
    """
    # Names of files that are no text hold half letters, which plain UTF-8 refuses.
    with write_aside(path) as aside, aside.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
