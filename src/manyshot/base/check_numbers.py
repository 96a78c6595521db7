"""Whole numbers, whoever counts: Python's int and NumPy's integers alike, but no truth values."""

from dataclasses import fields
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any, TypeGuard

from manyshot.base.errors import InputError


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, Python's or NumPy's; True and False are none.

    Example:
        >>> import numpy as np
        >>> is_whole(3), is_whole(np.int64(3)), is_whole(True), is_whole(3.0)
        (True, True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def plain_numbers(settings: Any) -> None:  # noqa: ANN401 - any frozen dataclass
    """Turn NumPy's numbers among the fields of a dataclass into Python's, which JSON and every check know.

    Args:
        settings: A dataclass, frozen or not, that is being made; call this first in its `__post_init__`.

    Example:
        >>> import numpy as np
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Size:
        ...     ways: int | tuple[int, int]
        ...     def __post_init__(self):
        ...         plain_numbers(self)
        >>> Size(np.int64(3)), Size((np.int64(3), 5))
        (Size(ways=3), Size(ways=(3, 5)))
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        plain = tuple(map(plain_number, value)) if type(value) is tuple else plain_number(value)
        if plain is not value:
            object.__setattr__(settings, field.name, plain)


def plain_number(value: Any) -> Any:  # noqa: ANN401 - any value
    """NumPy's number as Python's; anything else as it is.

    Example:
        >>> import numpy as np
        >>> plain_number(np.float32(0.5)), plain_number("half")
        (0.5, 'half')
    """
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def check_range(low: float = 0.0, high: float = inf, whole: bool = False, **values: float) -> None:
    """Check that options are finite numbers within a range.

    Args:
        low: Smallest value allowed.
        high: Largest value allowed.
        whole: Whether the values must be whole numbers.
        **values: The options by name.

    Raises:
        InputError: If one is out of range, naming the option, its value and what to give instead.

    Example:
        >>> check_range(high=1, p=2.0)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: p=2.0: give a number from 0 to 1
    """
    for name, value in values.items():
        number = is_whole(value) if whole else isinstance(value, Real) and not isinstance(value, bool)
        if not (number and isfinite(value) and low <= value <= high):
            kind = "a whole number" if whole else "a number"
            limits = f"of at least {low:g}" if high == inf else f"from {low:g} to {high:g}"
            raise InputError(f"{name}={value!r}: give {kind} {limits}")
