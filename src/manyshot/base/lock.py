"""A folder that one process at a time writes to."""

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from manyshot.base.atomic_files import path_in_errors
from manyshot.base.check_type import has_type
from manyshot.base.errors import InputError
from manyshot.base.read_files import parse_json

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""Name of the lock's file in a folder."""
MAX_BYTES = 4096
COMMAND = 60  # characters of the holder's command that are kept

_held: dict[Path, tuple[int, int]] = {}
"""Handle of each lock's file that this process holds, and the thread that took it."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    Args:
        host: Name of its machine.
        pid: Number of the process.
        started: When the process started, in the machine's own count; None if it does not tell.
        since: When the lock was taken, such as "2024-05-01T12:00:00+02:00".
        command: Command that the process runs.
    """

    host: str
    pid: int
    started: int | None
    since: str
    command: str

    def is_alive(self) -> bool:
        """Whether the process still runs; a process of another machine counts as running."""
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except OSError:  # of another user
            return True
        return self.started is None or _started(self.pid) in (None, self.started)


@contextmanager
def locked_folder(folder: Path | str | None, option: str = "--out") -> Iterator[None]:
    """Make sure that no other process writes to a folder, which is made if it is missing.

    The lock ends with its process, however that ends: the operating system holds it (`flock`), on other machines too
    where they share a file system that passes locks on, such as NFS 4. Where it does not, the lock's file tells by
    host, process number and start time whether its holder has ended. The thread that holds a lock may take it again.

    Args:
        folder: Folder to lock; None locks nothing.
        option: Command-line option that named the folder, for errors.

    Raises:
        InputError: If another process holds the lock, naming it and since when; or there is a file in the way.
        OSError: If the folder may not be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "run"
        >>> with locked_folder(folder):
        ...     [path.name for path in folder.iterdir()]
        ['.lock']
        >>> folder.exists()
        False
    """
    if folder is None:
        yield
        return
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder}: not a folder; choose another {option}") from None
    try:
        with locked_file(folder / LOCK, folder, option):
            yield
    finally:
        with contextlib.suppress(OSError):  # not empty, as a rule
            for path in missing:
                path.rmdir()


@contextmanager
def locked_file(path: Path, target: Path, option: str = "--out") -> Iterator[None]:
    """Hold a lock whose file is `path`, see `locked_folder`.

    Args:
        path: File of the lock, which is there only while the lock is held, or after its holder was killed.
        target: What the lock protects, for errors.
        option: Command-line option that named it, for errors.
    """
    key = path.resolve()
    if key in _held and _held[key][1] == threading.get_ident():
        yield
        return
    handle = _acquire(path, target, option)
    _held[key] = handle, threading.get_ident()
    try:
        yield
    finally:
        _held.pop(key, None)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.close(handle)


def _acquire(path: Path, target: Path, option: str) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            locks = _lock(handle)
            if locks is False or (locks is None and _lives(_holder(handle))):
                raise InputError(_refusal(path, target, _holder(handle), option, certain=locks is False))
            # The file may have been removed by its former holder after it was opened here.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
                with path_in_errors(path):
                    os.ftruncate(handle, 0)
                    os.lseek(handle, 0, os.SEEK_SET)
                    os.write(handle, json.dumps(asdict(_self())).encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Whether the system gave the lock to this process; None where it has no such locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _lives(holder: Holder | None) -> bool:
    return holder is not None and holder.is_alive()


def _holder(handle: int) -> Holder | None:
    """What the file says of its holder; None if it is empty or damaged."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        values = parse_json(os.read(handle, MAX_BYTES), "lock", dict)
        kinds = {"host": str, "pid": int, "started": int | None, "since": str, "command": str}
        return Holder(**values) if all(has_type(values[name], kind) for name, kind in kinds.items()) else None
    except (InputError, KeyError, TypeError):
        return None


def _refusal(path: Path, target: Path, holder: Holder | None, option: str, certain: bool) -> str:
    who = "another process is writing to it"
    if holder is not None:
        who = f"process {holder.pid} on {holder.host} ({holder.command}) has been writing to it since {holder.since}"
    hint = f"wait until it ends, or choose another {option}"
    return f"{target}: {who}; {hint}" + ("" if certain else f"; if it has ended, remove {path}")


def _self() -> Holder:
    command = " ".join((Path(sys.argv[0]).name, *sys.argv[1:]))[:COMMAND].encode("utf-8", "backslashreplace").decode()
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return Holder(socket.gethostname(), os.getpid(), _started(os.getpid()), since, command)


def _started(pid: int) -> int | None:
    """When a process of this machine started, in clock ticks after the machine; None if unknown."""
    try:
        # The name of the program, in parentheses, may hold spaces and parentheses of its own.
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _forget() -> None:
    """Close, in a forked child, the handles of its parent, or the locks would outlive the parent."""
    for handle, _ in _held.values():
        with contextlib.suppress(OSError):
            os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
