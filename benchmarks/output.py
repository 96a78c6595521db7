"""How benchmarks print their tables."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table


def print_table(table: Table, notes: Mapping[str, str], width: int | None = None) -> None:
    """Print a table, and below it a note on some of its rows, by name."""
    console = Console(width=width)
    console.print(table)
    for row, note in notes.items():
        console.print(f"{row}: {note}", markup=False, highlight=False)


def ratio_cell(ratio: float | None, decimals: int = 1) -> str:
    """A ratio as the text of a cell; empty for None."""
    return "" if ratio is None else f"{ratio:.{decimals}f} x"
