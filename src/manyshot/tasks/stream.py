"""Where tasks come from, whatever they are."""

from typing import Protocol, runtime_checkable

from manyshot.tasks.episode import Episode


@runtime_checkable
class TaskStream(Protocol):
    """Numbered tasks: number i is the same whenever it is asked for."""

    def batch(self, first: int, count: int) -> Episode:
        """Tasks number `first` to `first + count - 1`."""
        ...
