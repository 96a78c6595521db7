"""Lists in text files that users give."""

from functools import lru_cache
from pathlib import Path

from manyshot.base import InputError


def read_lines(path: str, what: str) -> tuple[str, ...]:
    """Read the lines of a text file, without the spaces around them.

    Args:
        path: Path of a file in UTF-8, with or without a byte order mark.
        what: What the lines are, for error messages.

    Raises:
        InputError: If the file does not exist, is not UTF-8, or is empty.

    Example:
        >>> read_lines("no_such_file.txt", "templates")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: no_such_file.txt: no such file; name a text file of templates, one a line
    """
    file = Path(path).expanduser()
    try:
        return _read(file, what, file.stat().st_mtime_ns)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"{path}: no such file; name a text file of {what}, one a line") from None


@lru_cache(maxsize=16)
def _read(path: Path, what: str, modified: int) -> tuple[str, ...]:
    """The lines of a file, cached for its time of modification."""
    try:
        lines = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; save it as UTF-8") from None
    if not any(lines):
        raise InputError(f"{path}: empty; give {what}, one a line")
    return lines
