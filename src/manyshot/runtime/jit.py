"""Compilation of kernels by numba, when they are first called."""

from collections.abc import Callable
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
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba has no writable cache folder
        return numba.njit(**options)(function)
