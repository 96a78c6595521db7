"""Lists that a person gives in a file."""

from functools import lru_cache
from pathlib import Path

from manyshot.base import InputError


def lines_of(path: str, what: str) -> tuple[str, ...]:
    """The lines of a text file, without the spaces around them.

    Args:
        path: UTF-8, with or without a byte order mark.
        what: the lines are, as errors call it.

    Raises:
        InputError: if the file is not there, is not UTF-8, or holds nothing.

    Example:
        >>> lines_of("no_such_file.txt", "templates")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: no_such_file.txt: no such file; name a text file of templates, one a line
    """
    place = Path(path).expanduser()
    try:
        return _read(place, what, place.stat().st_mtime_ns)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"{path}: no such file; name a text file of {what}, one a line") from None


@lru_cache(maxsize=16)
def _read(path: Path, what: str, changed: int) -> tuple[str, ...]:
    """The lines of a file that was last changed at this time."""
    try:
        lines = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; save it as UTF-8") from None
    if not any(lines):
        raise InputError(f"{path}: empty; give {what}, one a line")
    return lines
