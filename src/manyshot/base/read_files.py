"""Read files that may be damaged, hostile or of another kind: bounded, and every fault is one `InputError`."""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, NoReturn

from manyshot.base.check_type import check_type
from manyshot.base.errors import InputError

MAX_BYTES = 1 << 26
"""Largest size of a file that is read at once, unless its reader allows more."""
MAX_DEPTH = 100
"""How deep lists and objects of JSON may be nested."""
MAX_LINE = 1 << 24
"""Largest number of bytes of a line."""

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def open_file(path: Path | str) -> BufferedIOBase:
    """Open an ordinary file to read its bytes; pipes and devices, which may never end, are refused.

    Args:
        path: Path of the file.

    Raises:
        InputError: If there is no such file, it is not an ordinary one, or it may not be read.

    Example:
        >>> open_file("/nowhere")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: /nowhere: no such file
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:  # NUL, or a character that no file name can hold
        raise InputError(f"{str(path)!r}: no file can have this name") from None
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        found = "a folder" if stat.S_ISDIR(kind) else "a pipe or device"
        raise InputError(f"{path}: {found}, not an ordinary file; give a file")
    return os.fdopen(handle, "rb")


@contextmanager
def _readable(where: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror})") from None


def read_bytes(path: Path | str, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole file.

    Args:
        path: Path of the file.
        max_bytes: Size of the largest file that is read.

    Raises:
        InputError: If the file cannot be read (`open_file`) or is larger.
    """
    with open_file(path) as file, _readable(path):
        # As much memory as the file has bytes: `read` reserves what it is asked for.
        size = min(os.fstat(file.fileno()).st_size, max_bytes)
        data = file.read(size + 1)
        if len(data) > size:  # it grows, or tells no size
            data += file.read(max_bytes - size)
    if len(data) > max_bytes:
        raise InputError(f"{path}: larger than the {max_bytes:,} bytes that are read; give a smaller file")
    return data


def read_line(file: BufferedIOBase, where: str) -> bytes:
    r"""Read the next line, with its line end; nothing at the end of the file.

    Args:
        file: File, opened for reading bytes.
        where: Path and line number, for errors.

    Raises:
        InputError: If the line has more than `MAX_LINE` bytes.

    Example:
        >>> import io
        >>> read_line(io.BytesIO(b"first\nsecond"), "note.txt: line 1")
        b'first\n'
    """
    with _readable(where):
        line = file.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise InputError(f"{where}: longer than {MAX_LINE:,} bytes; give a file of shorter lines")
    return line


def parse_json(text: str | bytes, where: str, kind: Any = Any, finite: bool = True, unicode: bool = False) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Parse JSON that somebody else may have written.

    Args:
        text: JSON, bytes of it in UTF-8.
        where: Path, and position in the file, for errors.
        kind: Type that the value must have, see `manyshot.base.check_type.check_type`.
        finite: Whether NaN and infinity, which JSON proper does not have, are refused.
        unicode: Whether lone surrogates, which no encoding can write, are refused. File names that are not valid
            Unicode hold them.

    Raises:
        InputError: If the text is not JSON, is nested more than `MAX_DEPTH` deep, holds a number of thousands of digits
            or a value of the wrong type.

    Example:
        >>> parse_json('{"step": 3}', "run/progress.json", dict[str, int])
        {'step': 3}
        >>> parse_json("[" * 1000, "run/progress.json")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: run/progress.json: not valid JSON (nested more than 100 deep)
        >>> parse_json('{"step": "x"}', "run/progress.json", dict[str, int])
        Traceback (most recent call last):
        manyshot.base.errors.InputError: run/progress.json: step: 'x' is not a whole number
    """

    def refuse(reason: object) -> NoReturn:
        raise InputError(f"{where}: not valid JSON ({reason})") from None

    def number(digits: str) -> float:
        value = float(digits)
        return refuse(f"{digits[:20]} is too large") if value in (float("inf"), -float("inf")) else value

    strict: dict[str, Any] = {"parse_constant": refuse, "parse_float": number} if finite else {}
    try:
        text = text if isinstance(text, str) else text.decode("utf-8-sig")
        value = json.loads(text, **strict)
    except InputError:
        raise
    except RecursionError:
        refuse(f"nested more than {MAX_DEPTH} deep")
    except ValueError as error:  # no JSON, no UTF-8, or a number of too many digits
        refuse("a number of too many digits" if "digits" in str(error) else error)
    if _is_deeper(value, MAX_DEPTH):
        refuse(f"nested more than {MAX_DEPTH} deep")
    if unicode and SURROGATE.search(text) and not _is_unicode(value):
        refuse("half of a surrogate pair, which is no character")
    return check_type(value, kind, where)


def read_json(
    path: Path | str,
    kind: Any = Any,  # noqa: ANN401 - a type, or a union of some
    finite: bool = True,
    unicode: bool = False,
    max_bytes: int = MAX_BYTES,
) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Read a JSON file that somebody else may have written; see `parse_json` for what is checked.

    Args:
        path: Path of the file.
        kind: Type that the value must have.
        finite: Whether NaN and infinity are refused.
        unicode: Whether lone surrogates are refused.
        max_bytes: Size of the largest file that is read.

    Raises:
        InputError: If the file cannot be read (`read_bytes`) or does not hold such a value (`parse_json`).
    """
    return parse_json(read_bytes(path, max_bytes), str(path), kind, finite, unicode)


def _is_deeper(value: object, depth: int) -> bool:
    """Whether lists and objects are nested more than `depth` deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(depth):
        inner = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
    return bool(level)


def _is_unicode(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
