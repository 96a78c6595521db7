"""Names of classes, groups and authors, which may be given as whole numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, is_whole

Names = Sequence[Any] | NDArray[Any] | Tensor
"""Names, or whole numbers in their place, one an item."""


def written(names: Names, kind: str, where: str) -> list[str] | list[int]:
    """Labels or authors as names or as whole numbers, all of one kind.

    Args:
        names: One for each item.
        kind: What they are, for errors: "label" or "author".
        where: The name of the source, for errors.

    Raises:
        InputError: naming the first that is neither, or one of each kind.

    Example:
        >>> written(np.array([3, 4]), "label", "digits")
        [3, 4]
    """
    if isinstance(names, str | Mapping):
        raise InputError(f"{where}: {kind}s={type(names).__name__}: give a list with one {kind} an item")
    values = names.tolist() if isinstance(names, np.ndarray | Tensor) else list(names)
    for place, value in enumerate(values):
        if not isinstance(value, str) and not is_whole(value):
            raise InputError(
                f"{where}: {kind} {place} is {str(value)[:40]!r} ({type(value).__name__}); give a name or a whole "
                "number for each item"
            )
    texts = next((value for value in values if isinstance(value, str)), None)
    number = next((value for value in values if not isinstance(value, str)), None)
    if texts is not None and number is not None:
        raise InputError(
            f"{where}: {kind}s are names ('{texts}') and numbers ({number}) together; write all of them as names"
        )
    return [str(value) for value in values] if number is None else [int(value) for value in values]


def numbered(names: list[str] | list[int]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The different names in their order, numbers by size, and which of them each is.

    Example:
        >>> numbered([10, 9, 10])
        (('9', '10'), array([1, 0, 1]))
    """
    different, number = np.unique(np.asarray(names, dtype=object), return_inverse=True)
    return tuple(map(str, different)), number.astype(np.int64)


def name_text(name: object) -> str:
    """A name as classes, groups and authors have it: a whole number is written out.

    Example:
        >>> name_text(9), name_text("cat")
        ('9', 'cat')
    """
    return str(int(name)) if is_whole(name) else str(name)


def asked(names: Iterable[Any], kind: str, where: str) -> list[str]:
    """The names that a caller asks for, with whole numbers written out.

    Args:
        names: A list or an array of names or whole numbers.
        kind: What they name, for errors: "class", "group" or "author".
        where: The name of the source, for errors.

    Raises:
        InputError: If it is a single name or number.

    Example:
        >>> asked([9, "10"], "class", "digits")
        ['9', '10']
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InputError(f"{where}: {kind} {names!r}: give a list of names")
    return [name_text(name) for name in (names.tolist() if isinstance(names, np.ndarray | Tensor) else names)]
