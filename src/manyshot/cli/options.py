"""Options that several commands share, and how commands print."""

import json
import shlex
import sys
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError

if TYPE_CHECKING:
    from typer import Context as Context

    from manyshot.datasets import Columns
else:
    Context = typer.Context.__base__  # what commands are really given; its module differs between versions of typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no notes.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="The same seed gives the same result.")]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="The folder that holds the data sets' files (or one of them); else MANYSHOT_DATA, else a download.",
    ),
]
Split = Annotated[str | None, typer.Option("--split", help="Which part of the data set; see `manyshot data list`.")]
Size = Annotated[int | None, typer.Option("--size", min=1, max=1024, help="Resize items to this many pixels a side.")]
TextColumn = Annotated[
    str | None,
    typer.Option("--text-column", help="The column of a table's sentences; text, sentence, ... if not given."),
]
LabelColumn = Annotated[
    str | None, typer.Option("--label-column", help="The column of a table's classes; label, intent, ... if not given.")
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="Of a table of sentences, such as gb18030; UTF-8 if not given.")
]


def columns_of(text_column: str | None, label_column: str | None, encoding: str | None) -> "Columns | None":
    """How a table of sentences is to be read; None where nothing is said of it.

    Raises:
        InputError: if the encoding is unknown.

    Example:
        >>> columns_of("question", None, None)
        Columns(text='question', label=None, encoding='utf-8')
    """
    from manyshot.datasets import Columns

    if (text_column, label_column, encoding) == (None, None, None):
        return None
    return Columns(text_column, label_column, encoding or "utf-8")


def refuse(why: str, **options: object) -> None:
    """Say which option would be ignored, if one is given (is not None).

    Raises:
        InputError: if so.

    Example:
        >>> refuse("without DATA", split=None, root=None)
        >>> refuse("without DATA", split="small1")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: --split has no effect without DATA; leave it out
    """
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name.replace('_', '-')} has no effect {why}; leave it out")


def stands(context: Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_others(context: Context, known: Container[str], why: str) -> None:
    """Refuse what stands on the command line and would be ignored.

    Args:
        context: of the command.
        known: the options that have an effect.
        why: the others have none.

    Raises:
        InputError: if one of the others is there.
    """
    for name in context.params:
        if name not in known and stands(context, name):
            option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise InputError(f"{option} has no effect {why}; leave it out")


def command_line() -> str:
    """The command as it was typed, for a page to show."""
    return shlex.join(["manyshot", *sys.argv[1:]])


def examples(*lines: str) -> str:
    """The end of a command's help: examples, each on its own line, as written."""
    # The mark \b keeps the help's formatter from filling the lines of a paragraph.
    return "\n".join(["\b", "Examples:", *(f"  {line}" if line else "\n\b" for line in lines)])


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print for a program to read."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print for a person to read.

    Args:
        columns: headings; empty ones are not printed.
        rows: cells, as text; brackets are text too, not markup.
        right: positions of the columns that hold numbers.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(columns))
    for position, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)
