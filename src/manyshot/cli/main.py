"""The command line: the table of commands, and how errors are reported.

Modules of commands import what is slow (torch, matplotlib) inside their functions, so that `--help` answers at once.
"""

import atexit
import gc
import io
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from manyshot.base import InputError, WorkStopped, are_several, printable
from manyshot.base.printable import cut_middle
from manyshot.cli import app as app_command
from manyshot.cli import (
    augment,
    compare,
    data,
    demo,
    evaluate,
    export,
    fit,
    gan_commands,
    list_ops,
    predict,
    rl,
    segment,
    train,
)
from manyshot.cli.early_stop import stop_as_usual, stop_at_once

TOO_LARGE = "Error: not enough memory; lower the sizes (ways, shots, queries, tasks per step, widths)"


LONGEST = 300
"""Characters of the longest line of error."""


class Commands(TyperGroup):
    """Ends every command with an exit status and at most one line of error.

    What the user can fix has status 2 (as has a mistyped option), a failure of the machine (a full disk) status 1, and
    Ctrl-C status 130. Every other exception is a bug and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own Context has moved between versions
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise _ended(f"Error: {error}", 2) from None
        except WorkStopped as error:
            raise _ended(f"Stopped: {error}", 1, error.secondary) from None
        except KeyboardInterrupt as stopped:
            how = "; ".join(map(str, stopped.args))  # how to go on, where the command says it
            raise _ended(f"Stopped; {how}" if how else "Stopped.", 130) from None
        except BrokenPipeError:
            # The reader (head, less) has left. Output still buffered is discarded, or Python would complain at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except MemoryError:
            raise _ended(TOO_LARGE, 1) from None
        except RuntimeError as error:
            # torch's error depends on the device; it is a RuntimeError on all of them.
            if type(error).__name__ != "OutOfMemoryError" and "can't allocate memory" not in str(error):
                raise
            raise _ended(TOO_LARGE, 1) from None
        except OSError as error:
            where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
            raise _ended(f"Error: {where}{error.strerror or error}", 1) from None


def _ended(message: str, status: int, secondary: bool = False) -> typer.Exit:
    message = cut_middle(printable(" ".join(message.splitlines())), LONGEST)
    if are_several():
        from manyshot.runtime.distributed import reports_error

        if not reports_error(message, secondary):
            return typer.Exit(status)
    print(message, file=sys.stderr, flush=True)
    return typer.Exit(status)


app = typer.Typer(
    name="manyshot",
    cls=Commands,
    help="Data augmentation for few-shot and meta-learning: apply, generate and learn it, and see whether it helps.",
    no_args_is_help=True,
    add_completion=False,
    # Plain text: class names, plans and paths hold brackets, which rich would read as markup.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        print(version("manyshot"))
        raise typer.Exit
    return wanted


@app.callback()
def _common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


app.command(epilog=demo.EXAMPLES)(demo.demo)
app.command(epilog=fit.EXAMPLES)(fit.fit)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=compare.EXAMPLES)(compare.compare)
app.command(epilog=augment.EXAMPLES)(augment.augment)
app.command(epilog=export.EXAMPLES)(export.export)
app.command(epilog=app_command.EXAMPLES)(app_command.app)
app.add_typer(data.data, name="data")
app.add_typer(segment.segment, name="segment")
app.add_typer(gan_commands.gan, name="gan")
app.add_typer(rl.rl, name="rl")
app.command(epilog=list_ops.EXAMPLES)(list_ops.ops)
stop_as_usual(app)


def _save_collections() -> None:
    """Put off the collection of garbage until torch is imported, and leave it out at the end of the process.

    While modules are imported there is none, and looking through all of theirs again and again takes half a second.
    """

    def freeze(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(freeze)
            gc.freeze()
            gc.set_threshold(*usual)

    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_OF_IMPORTS, *usual[1:])
    gc.callbacks.append(freeze)
    atexit.register(gc.freeze)


OBJECTS_OF_IMPORTS = 200_000
"""Fewer than importing torch makes, so that no command computes with collections put off."""


def run() -> None:
    """Run the command line (the `manyshot` command)."""
    stop_at_once()
    if "torch" not in sys.modules:
        _save_collections()
    if isinstance(sys.stdout, io.TextIOWrapper):  # invalid bytes in file names are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:  # before the command itself began
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
