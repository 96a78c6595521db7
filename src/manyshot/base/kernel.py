"""How kernels are compiled: by numba, when they are first called."""

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - numba's own kind of function
    """Compile a function when it is first called, and keep the result on disk where a place for it can be written.

    It runs without the interpreter's lock; sums may be taken in another order than they are written.

    Args:
        function: written in the part of Python that numba knows.

    Example:
        >>> @kernel
        ... def double(value):
        ...     return 2 * value
        >>> double(3)
        6
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": True}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write
        return numba.njit(**options)(function)
