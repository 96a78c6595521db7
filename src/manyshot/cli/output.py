"""How commands print results."""

import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from manyshot.base import printable

if TYPE_CHECKING:
    from pathlib import Path

    from manyshot.samples.output_folder import Exported


def command_line() -> str:
    """The command as it was typed, for a page to show."""
    return shlex.join(["manyshot", *sys.argv[1:]])


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print JSON for a program to read."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def say(text: str, keep: str = "") -> None:
    """Print text for a person to read; control characters, which names of classes and files may hold, are escaped.

    Args:
        text: Text to print.
        keep: Control characters that are not escaped.
    """
    print(printable(text, keep))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print a table for a person to read.

    Args:
        columns: Headings; empty ones are not printed.
        rows: Cells, as text; brackets are text too, not markup.
        right: Indices of the columns that hold numbers, which are aligned to the right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(columns))
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell, keep="\n")) for cell in row))
    Console(highlight=False).print(table)


def look_at(paths: "Sequence[Path]") -> str:
    """The first of several files, and how many more there are.

    Example:
        >>> look_at(["ant.png", "bee.png", "cat.png"])
        'ant.png and 2 more'
    """
    return f"{paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def exported_json(exported: "Exported") -> dict[str, Any]:
    """Which files an export wrote, for JSON."""
    return {
        "folder": str(exported.folder),
        "samples": sum(exported.generated.values()),
        "classes": dict(exported.generated),
        "manifest": str(exported.manifest),
        "sheets": [str(path) for path in exported.sheets],
    }


def print_exported(exported: "Exported", as_json: bool, what: str = "pictures") -> None:
    """Print how many new examples an export wrote, and which files to look at.

    Args:
        exported: The export.
        as_json: Print JSON.
        what: What the examples are.
    """
    if as_json:
        print_json(exported_json(exported))
        return
    made = sum(number > 0 for number in exported.generated.values())
    classes = f" of {made} classes" if made > 1 else ""
    say(f"{sum(exported.generated.values()):,} new {what}{classes} in {exported.folder}")
    say(f"Look at {look_at(exported.sheets)}")
