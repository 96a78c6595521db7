"""How kernels are compiled: by numba, when they are first called."""

from collections.abc import Callable
from typing import Any

import numba

ANY_VALUES = {"reassoc", "contract", "arcp", "nsz", "afn"}
"""What numba's fast mathematics may do where a value can be infinite, or not a number, and code asks whether it is."""


def kernel(function: Callable[..., Any], finite: bool = True) -> Any:  # noqa: ANN401 - numba's own kind of function
    """Compile a function when it is first called, and keep the result on disk where a place for it can be written.

    It runs without the interpreter's lock; sums may be taken in another order than they are written.

    Args:
        function: written in the part of Python that numba knows.
        finite: whether comparisons may be compiled as if every value were a finite number.

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
    except RuntimeError:  # numba found no folder that it may write
        return numba.njit(**options)(function)
