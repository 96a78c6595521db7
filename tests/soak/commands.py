"""The commands of the campaign, run in forked children, and what may become of them."""

import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from child_processes import fork
from manyshot.cli.main import TOO_LARGE

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
        if TOO_LARGE in self.errors:
            return f"more than {MEMORY >> 20} MiB of memory"
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
        signal.signal(signal.SIGINT, signal.default_int_handler)
        limit_memory()
        if file_limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
        os._exit(run_here(arguments, log))

    return fork(work, {})


def limit_memory() -> None:
    """Let this process take so much memory more, and no more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def run_here(arguments: Sequence[str], log: Path) -> int:
    """Run `manyshot ARGUMENTS` in this process, with its output in a file; returns the exit status."""
    from manyshot.cli.main import run

    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", errors="backslashreplace", closefd=False) for n in (1, 2))
    try:
        sys.argv = ["manyshot", *arguments]
        run()
    except SystemExit as stopped:
        return (stopped.code if isinstance(stopped.code, int) else 1) if stopped.code is not None else 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def run_all(commands: Sequence[Sequence[str]], folder: Path, patience: float = 300) -> list[Ended]:
    """Run commands one after the other in one child, which loads and forks once; another child goes on after a crash.

    Args:
        commands: The arguments of each command.
        folder: An empty folder for what they write on standard output and standard error.
        patience: Seconds that each may take; one that takes longer is ended by a signal.
    """
    ends: list[Ended] = []
    while len(ends) < len(commands):
        first = len(ends)

        def work(first: int = first) -> None:
            limit_memory()
            for number, arguments in enumerate(commands[first:], first):
                signal.alarm(int(patience))
                began = time.monotonic()
                status = run_here(arguments, folder / f"{number}.log")
                (folder / f"{number}.json").write_text(json.dumps([status, time.monotonic() - began]))
            os._exit(0)

        _, raw = os.waitpid(fork(work, {}), 0)
        for number in range(first, len(commands)):
            log, said = folder / f"{number}.log", folder / f"{number}.json"
            text = log.read_bytes().decode("utf-8", "backslashreplace") if log.exists() else ""
            if not said.exists():  # it took the child with it
                ends.append(Ended(tuple(commands[number]), os.waitstatus_to_exitcode(raw) or 1, text, patience))
                break
            status, seconds = json.loads(said.read_text())
            ends.append(Ended(tuple(commands[number]), status, text, seconds))
    return ends


def finish(child: int, log: Path, arguments: Sequence[str], began: float, patience: float = 300) -> Ended:
    """Wait for a child; one that takes too long is killed and has status -9."""
    return _ended(child, log.read_bytes, arguments, began, patience)


def run_command(arguments: Sequence[str], log: Path, file_limit: int | None = None, patience: float = 300) -> Ended:
    """Run `manyshot ARGUMENTS` to its end; what it writes goes through a pipe where files are limited, which is not."""
    began = time.monotonic()
    if file_limit is None:
        return finish(start(arguments, log), log, arguments, began, patience)
    log.unlink(missing_ok=True)
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    try:
        child = start(arguments, log, file_limit)
        return _ended(child, lambda: b"".join(iter(lambda: os.read(reader, 1 << 16), b"")), arguments, began, patience)
    finally:
        os.close(reader)
        log.unlink()


def _ended(child: int, said: Callable[[], bytes], arguments: Sequence[str], began: float, patience: float) -> Ended:
    while True:
        pid, raw = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - began > patience:
            os.kill(child, signal.SIGKILL)
            pid, raw = os.waitpid(child, 0)
            break
        time.sleep(0.003)
    text = said().decode("utf-8", "backslashreplace")
    return Ended(tuple(arguments), os.waitstatus_to_exitcode(raw), text, time.monotonic() - began)
