"""Options that several commands share, and options that have no effect together with others."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from manyshot.base import InputError

if TYPE_CHECKING:
    from typer import Context as Context

    from manyshot.datasets import Columns
else:
    Context = typer.Context.__base__  # the class that commands get; its module differs between versions of typer

ROOT = typer.Option(
    "--root", help="The folder that holds the data sets' files (or one of them); else MANYSHOT_DATA, else a download."
)
SPLIT = typer.Option("--split", help="Which part of the data set; see `manyshot data list`.")
SIZE = typer.Option("--size", min=1, max=1024, help="Resize images to this many pixels per side.")
SEED = typer.Option("--seed", min=0, max=2**31 - 1, help="The same seed gives the same result.")
TEXT_COLUMN = typer.Option(
    "--text-column", help="The column of a table that holds the sentences; text, sentence, ... if not given."
)
LABEL_COLUMN = typer.Option(
    "--label-column", help="The column of a table that holds the classes; label, intent, ... if not given."
)
PARTS = typer.Option(
    "--parts",
    help='Columns that are parts of an example, as in "photo=picture caption=text age=number"; auto to take all, none '
    "for one column alone.",
)
ENCODING = typer.Option("--encoding", help="Encoding of a table of sentences, such as gb18030; UTF-8 if not given.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no notes.")]
Seed = Annotated[int, SEED]
Seeds = Annotated[int, typer.Option("--seeds", help="Trainings of each arm; their seeds count up from --seed.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", help="Trainings at the same time; one per processor core if not given.")
]
Root = Annotated[Path | None, ROOT]
Split = Annotated[str | None, SPLIT]
Size = Annotated[int | None, SIZE]


def command_group(about: str) -> typer.Typer:
    """A group of commands, which shows its help where it is called alone.

    Args:
        about: Help of the group.

    Example:
        >>> command_group("Draw things.").info.help
        'Draw things.'
    """
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=about)


class ExportKeywords(TypedDict):
    """What every export of examples takes."""

    seed: int
    split: str | None
    overwrite: bool


@dataclass(frozen=True)
class TableArguments:
    """How a table of sentences is read.

    Args:
        text_column: Name of the column of sentences; found by its usual names if None.
        label_column: Name of the column of classes; likewise.
        encoding: Such as "gb18030"; UTF-8 if None.
        parts: Columns that are parts of an example.

    Example:
        >>> TableArguments("question").columns()
        Columns(text='question', label=None, encoding='utf-8', group=None, parts=None)
    """

    text_column: Annotated[str | None, TEXT_COLUMN] = None
    label_column: Annotated[str | None, LABEL_COLUMN] = None
    encoding: Annotated[str | None, ENCODING] = None
    parts: Annotated[str | None, PARTS] = None

    def columns(self) -> "Columns | None":
        """The same for `manyshot.datasets.load_dataset`; None where nothing is given.

        Raises:
            InputError: If the encoding is unknown.
        """
        from manyshot.datasets import Columns

        if self == TableArguments():
            return None
        return Columns(self.text_column, self.label_column, self.encoding or "utf-8", parts=self.parts)


def refuse(why: str, **options: object) -> None:
    """Refuse an option that would be ignored, if one is given (is not None).

    Args:
        why: The options have no effect, as in "without DATA".
        **options: Their values.

    Raises:
        InputError: If one is given.

    Example:
        >>> refuse("without DATA", split=None, root=None)
        >>> refuse("without DATA", split="small1")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: --split has no effect without DATA; leave it out
    """
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{spelled(name)} has no effect {why}; leave it out")


def refuse_given(context: Context, names: Iterable[str], why: str) -> None:
    """Refuse options that are on the command line and would be ignored.

    Args:
        context: Context of the command.
        names: Options that have no effect.
        why: Reason, as in "without DATA".

    Raises:
        InputError: If one of them is on the command line.
    """
    for name in names:
        if is_given(context, name):
            raise InputError(f"{spelled(name)} has no effect {why}; leave it out")


def refuse_others(context: Context, known: Container[str], why: str) -> None:
    """Refuse all options but some, see `refuse_given`.

    Args:
        context: Context of the command.
        known: Options that have an effect.
        why: Reason why the others have none.

    Raises:
        InputError: If one of the others is on the command line.
    """
    refuse_given(context, (name for name in context.params if name not in known), why)


def is_given(context: Context, name: str) -> bool:
    """Whether an option is on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def given(context: Context, names: Iterable[str]) -> dict[str, Any]:
    """The values of those options that are on the command line."""
    return {name: context.params[name] for name in names if is_given(context, name)}


def spelled(name: str) -> str:
    """An option as it is written on the command line.

    Example:
        >>> spelled("per_class"), spelled("data")
        ('--per-class', 'DATA')
    """
    return "DATA" if name == "data" else f"--{name.replace('_', '-')}"


def examples(*lines: str) -> str:
    """The end of a command's help: examples, each on a line of its own, as written."""
    # The mark \b keeps the help's formatter from filling the lines of a paragraph.
    return "\n".join(["\b", "Examples:", *(f"  {line}" if line else "\n\b" for line in lines)])
