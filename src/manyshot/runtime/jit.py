"""Compilation of kernels by numba, when they are first called."""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numba

ANY_VALUES = {"reassoc", "contract", "arcp", "nsz", "afn"}
"""Fast-math flags of numba that keep infinity and NaN as they are."""


def kernel(function: Callable[..., Any], finite: bool = True) -> Any:  # noqa: ANN401 - numba's own kind of function
    """Compile a function when it is first called, and cache the result on disk if a cache folder is writable.

    The compiled function releases the GIL. Sums may be computed in another order than they are written in.

    Args:
        function: Function in the subset of Python that numba supports.
        finite: Whether the compiler may assume that all values are finite.

    Example:
        >>> @kernel
        ... def double(value):
        ...     return 2 * value
        >>> double(3)
        6
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": finite or ANY_VALUES}
    return compile_and_cache(function, **options)


def compile_and_cache(function: Callable[..., Any], **options: Any) -> Any:  # noqa: ANN401
    """Compile a function by numba when it is first called, and cache the result on disk if a folder is writable.

    Numba compiles again when the file of the function changes, but not when a function that it calls does, which after
    an upgrade would run old code, or fail. Here all files of the folder count.

    Args:
        function: Function in the subset of Python that numba supports; what it calls stands in files beside it.
        options: Options of `numba.njit`.
    """
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba has no writable cache folder
        return numba.njit(**options)(function)
    compiled._cache._cache_file._source_stamp = _digest(Path(function.__code__.co_filename).parent)
    return compiled


@cache
def _digest(folder: Path) -> str:
    """A digest of all sources of a folder."""
    digest = blake2b(digest_size=16)
    for file in sorted(folder.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
