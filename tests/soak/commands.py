"""The commands of the campaign, run in forked children, and what may become of them."""

import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from child_processes import fork

LONGEST = 300
"""Characters of a line of error."""
MEMORY = 6 << 30
"""Bytes of address space that a command may take beyond what its parent has."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (minus the signal that ended it), what it wrote, and how long it took."""

    arguments: tuple[str, ...]
    status: int
    errors: str
    seconds: float

    def fault(self, allowed: Sequence[int] = (0, 1, 2, 130)) -> str | None:
        """What is wrong with this end, or None."""
        if "Traceback" in self.errors:
            return "a traceback"
        if self.status not in allowed:
            return f"exit status {self.status}"
        if self.status == 2 and not self.errors.strip():
            return "status 2 without a line of error"
        long = [line for line in self.errors.splitlines() if len(line) > LONGEST + 20 and line.startswith("Error")]
        return f"a line of error of {len(long[0])} characters" if long else None


def start(arguments: Sequence[str], log: Path, file_limit: int | None = None) -> int:
    """Start `manyshot ARGUMENTS` in a forked child that writes its output to a file; returns its process id.

    Args:
        arguments: Arguments of the command line.
        log: File for standard output and standard error.
        file_limit: Largest size in bytes of a file that it may write, as on a disk that is full.
    """

    def work() -> None:
        from manyshot.cli.main import run

        with log.open("wb") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", errors="backslashreplace", closefd=False) for n in (1, 2))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if file_limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
        status = 0
        try:
            sys.argv = ["manyshot", *arguments]
            run()
        except SystemExit as stopped:
            status = stopped.code if isinstance(stopped.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
            status = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    return fork(work, {})


def finish(child: int, log: Path, arguments: Sequence[str], began: float, patience: float = 300) -> Ended:
    """Wait for a child; one that takes too long is killed and has status -9."""
    while True:
        pid, raw = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - began > patience:
            os.kill(child, signal.SIGKILL)
            pid, raw = os.waitpid(child, 0)
            break
        time.sleep(0.003)
    text = log.read_bytes().decode("utf-8", "backslashreplace") if log.exists() else ""
    return Ended(tuple(arguments), os.waitstatus_to_exitcode(raw), text, time.monotonic() - began)


def run_command(arguments: Sequence[str], log: Path, file_limit: int | None = None, patience: float = 300) -> Ended:
    """Run `manyshot ARGUMENTS` to its end."""
    began = time.monotonic()
    return finish(start(arguments, log, file_limit), log, arguments, began, patience)
