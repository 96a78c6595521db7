"""Progress bars, on standard error, so that standard output stays a machine's."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from manyshot.base.printable import printable

T = TypeVar("T")

Listener = Callable[[str, float, float | None], None]
"""Receives what is done, how many steps of it, and of how many, if that is known."""

console = Console(stderr=True)
listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f}/s" if speed else "")


class _Note(ProgressColumn):
    """What the work says of itself, if anything."""

    def render(self, task: Task) -> Text:
        return Text(task.fields.get("note", ""))


class _AudibleProgress(Progress):
    """A progress display that also tells the listeners."""

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._tell(task_id)

    def update(self, task_id: TaskID, **changes: Any) -> None:  # noqa: ANN401 - whatever rich takes
        super().update(task_id, **changes)
        self._tell(task_id)

    def _tell(self, task_id: TaskID) -> None:
        task = self._tasks[task_id]
        for listener in listeners.get():
            listener(task.description, task.completed, task.total)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Call a function at every step of every progress bar of this thread, as a page in the browser needs it.

    What the function raises ends the work.

    Args:
        listener: The function.

    Example:
        >>> with listen(lambda what, done, total: print(what, done, total)):
        ...     _ = list(track("ab", "reading"))
        reading 1 2
        reading 2 2
    """
    token = listeners.set((*listeners.get(), listener))
    try:
        yield
    finally:
        listeners.reset(token)


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
    with _AudibleProgress(*columns, console=console, transient=True, disable=hidden) as progress:
        yield progress


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` with a progress bar with rate and time left.

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
    console.print(f"Note: {printable(text)}", markup=False, highlight=False, soft_wrap=True)


def quieten(quiet: bool = True) -> None:
    """Show no progress and no notes (`--quiet`), or show them again."""
    console.quiet = quiet
