"""Whole numbers, whoever counts: Python's int and NumPy's integers alike, but no truth values."""

from dataclasses import fields
from numbers import Integral, Real
from typing import Any, TypeGuard


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
