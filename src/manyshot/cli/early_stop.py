"""Ctrl-C before a command has begun, while its arguments are parsed."""

import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import typer


def stop_at_once() -> None:
    """Let Ctrl-C end the process at once, until a command begins.

    An exception would not do: the libraries that parse arguments print some exceptions and go on.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)


def stop_as_usual(app: typer.Typer) -> None:
    """Let Ctrl-C raise KeyboardInterrupt again as soon as one of the commands begins.

    Args:
        app: The commands, and groups of commands.
    """
    for one in app.registered_commands:
        if one.callback is not None:
            one.callback = _with_usual_signal(one.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            stop_as_usual(group.typer_instance)


def _end(number: int, frame: object) -> None:
    os.write(2, b"Stopped.\n")
    os._exit(130)


def _with_usual_signal(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def begun(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - those of any command
        if signal.getsignal(signal.SIGINT) is _end:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return command(*arguments, **options)

    return begun
