"""The command line: the table of commands, and what a person sees when something goes wrong.

Modules of commands import what is slow (torch, matplotlib) inside their functions, so that `--help` answers at once.
"""

import io
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from manyshot.base import InputError, WorkStopped, are_several
from manyshot.cli import augment, compare, data, demo, evaluate, export, ops, train
from manyshot.cli import gan_commands as gan

TOO_LARGE = "Error: this needs more memory than there is; lower the sizes (ways, shots, queries, tasks a step, widths)"


class Commands(TyperGroup):
    """Ends every command in a way that a person and a script can read.

    What a person can mend is one line on standard error and status 2 (as for a mistyped option), trouble of the machine
    such as a full disk is one line and status 1, Ctrl-C is status 130. Everything else is a fault of ours and keeps its
    traceback.
    """

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own Context has moved between versions
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise _ended(f"Error: {error}", 2) from None
        except WorkStopped as error:
            raise _ended(f"Stopped: {error}", 1, error.secondary) from None
        except KeyboardInterrupt:
            raise _ended("Stopped.", 130) from None
        except BrokenPipeError:
            # The reader (head, less) has left. What is still buffered must go nowhere, or Python complains at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except MemoryError:
            raise _ended(TOO_LARGE, 1) from None
        except RuntimeError as error:
            # What torch raises depends on the device; it is a RuntimeError everywhere.
            if type(error).__name__ != "OutOfMemoryError" and "can't allocate memory" not in str(error):
                raise
            raise _ended(TOO_LARGE, 1) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise _ended(f"Error: {where}{error.strerror or error}", 1) from None


def _ended(message: str, status: int, secondary: bool = False) -> typer.Exit:
    message = " ".join(message.splitlines())
    if are_several():
        from manyshot.runtime.distributed import reports_error

        if not reports_error(message, secondary):
            return typer.Exit(status)
    print(message, file=sys.stderr, flush=True)
    return typer.Exit(status)


app = typer.Typer(
    name="manyshot",
    cls=Commands,
    help="Data augmentation for few-shot and meta-learning: apply it, generate it, learn it, see whether it helped.",
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
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=compare.EXAMPLES)(compare.compare)
app.command(epilog=augment.EXAMPLES)(augment.augment)
app.command(epilog=export.EXAMPLES)(export.export)
app.add_typer(data.data, name="data")
app.add_typer(gan.gan, name="gan")
app.command(epilog=ops.EXAMPLES)(ops.ops)


def run() -> None:
    """Run the command line (the `manyshot` command)."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files that are no text are printed as JSON escapes them
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
