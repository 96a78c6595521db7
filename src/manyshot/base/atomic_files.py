"""Files that are either whole or not there."""

import errno
import glob
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from manyshot.base.errors import InputError

MARK = "Manyshot"
"""Name of the program, in the pages and sheets that it writes."""
ENDS = 4096  # bytes at the beginning and the end of a file in which the mark is looked for


@contextmanager
def path_in_errors(path: Path | str, instead_of: Path | str | None = None) -> Iterator[None]:
    """Name a file in the operating system's errors, which name none where an open file is written.

    Args:
        path: Path of the file.
        instead_of: Path of a temporary file or folder; `path` is named instead of it and of what is in it.

    Example:
        >>> with path_in_errors("out.csv"):
        ...     raise OSError(28, "No space left on device")
        Traceback (most recent call last):
        OSError: [Errno 28] No space left on device: 'out.csv'
    """
    try:
        yield
    except OSError as error:
        named = None if error.filename is None else os.fsdecode(error.filename)
        if named is None or (instead_of is not None and Path(named).is_relative_to(instead_of)):
            error.strerror = error.strerror or str(error)
            error.errno = error.errno or errno.EIO
            error.filename = str(path)
        raise


@contextmanager
def write_aside(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` at the end, or remove it when the block fails.

    Missing parent folders are made, and an `OSError` names `path`. A reader, or a process killed at any moment, sees
    the old file or the new one.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with write_aside(target) as aside:
        ...     _ = aside.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The suffix stays at the end, because writers such as pillow choose the format by it.
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    aside = Path(name)
    try:
        with path_in_errors(path, instead_of=aside):
            yield aside
            aside.chmod(0o666 & ~_umask())
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def sweep(path: Path | str) -> None:
    """Remove what killed writers of `path` left beside it; only for a file that nobody else is writing.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / ".note-0a1b2c3d.txt").write_text("hal")
        >>> sweep(folder / "note.txt")
        >>> list(folder.iterdir())
        []
    """
    for left in leftovers(path):
        left.unlink(missing_ok=True)


def leftovers(path: Path | str) -> list[Path]:
    """Temporary files of writers of `path` that were killed, or are at work.

    Example:
        >>> leftovers("/nowhere/note.txt")
        []
    """
    path = Path(path)
    return [*path.parent.glob(f".{glob.escape(path.stem)}-????????{glob.escape(path.suffix)}")]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path | str, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write `value` as indented JSON, whole or not at all.

    Raises:
        ValueError: If `value` holds a number that JSON has no word for (NaN, infinity).
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with write_aside(path) as aside:
        # Half letters, from names of files that are no text, become the escapes that JSON has for them.
        aside.write_bytes(text.encode("utf-8", "backslashreplace"))


def check_replaceable(path: Path | str, mark: str = MARK, option: str = "--out") -> None:
    """Make sure that a file does not exist, or was written by Manyshot and so may be replaced.

    Args:
        path: Path of the file.
        mark: Text near the beginning or the end of the files of this kind that Manyshot writes.
        option: Command-line option that named the file, for errors.

    Raises:
        InputError: If it was not, or is no file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "keep.html"
        >>> check_replaceable(path)
        >>> _ = path.write_text("My thesis")
        >>> check_replaceable(path)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        manyshot.base.errors.InputError: ...keep.html: exists, and Manyshot did not write it; choose another --out
    """
    path = Path(path).expanduser()
    if not path.exists() and not path.is_symlink():
        return
    if path.is_file():
        with path.open("rb") as file:
            ends = file.read(ENDS)
            file.seek(max(0, path.stat().st_size - ENDS))
            ends += file.read(ENDS)
        if mark.encode() in ends:
            return
    raise InputError(f"{path}: exists, and Manyshot did not write it; choose another {option}")


def check_out(path: Path | str, beside: bool = False, option: str = "--out") -> None:
    """Check, before anything slow begins, that a folder can be written; nothing is left there.

    Args:
        path: Path that is written later; it need not exist.
        beside: Whether to check its parent, for a file that is written beside it and then renamed.
        option: Option of the command line that named it, for errors.

    Raises:
        InputError: If it cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> check_out(folder / "runs" / "first")
        >>> list(folder.iterdir())
        []
    """
    path = Path(path)
    folder = path.absolute().parent if beside else path.absolute()
    try:
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            raise InputError(f"{path}: cannot be written, because {folder} is not a folder; choose another {option}")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}: {folder}); choose another {option}") from None
