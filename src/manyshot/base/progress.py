"""Progress bars, on standard error, so that standard output stays a machine's."""

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

T = TypeVar("T")

console = Console(stderr=True)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f}/s" if speed else "")


class _Note(ProgressColumn):
    """What the work says of itself, if anything."""

    def render(self, task: Task) -> Text:
        return Text(task.fields.get("note", ""))


@contextmanager
def bar() -> Iterator[Progress]:
    """A live progress display with rate and time left, for work that reports by itself.

    Example:
        >>> with bar() as progress:
        ...     task = progress.add_task("decode", total=2)
        ...     progress.advance(task)
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        _Note(),
    )
    # Where nobody watches, rich would leave an empty line.
    hidden = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        yield progress


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` beside a progress bar with rate and time left.

    Example:
        >>> sum(track(range(4), "adding"))
        6
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar() as progress:
        task = progress.add_task(description, total=total)
        for item in items:
            yield item
            progress.advance(task)


def note(text: str) -> None:
    """Tell a person something, in a line on standard error, unless `--quiet`."""
    console.print(f"Note: {text}", markup=False, highlight=False, soft_wrap=True)


def quieten(quiet: bool = True) -> None:
    """Show no progress and no notes (`--quiet`), or show them again."""
    console.quiet = quiet
