"""Results of each task as a table in a file, for statistics of one's own."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from manyshot.base import write_aside

TASKS = "tasks.csv"
"""The name of the file, beside a run or a comparison."""

Row = Mapping[str, str | int | float]


def write_task_csv(path: Path | str, rows: Sequence[Row]) -> None:
    """Write one line for each row under a line of column names; numbers read back exactly.

    Args:
        path: The file, which is replaced if it is there.
        rows: At least one, all with the same names in the same order.

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
