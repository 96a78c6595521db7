"""Names of classes, groups and authors, which may be given as whole numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, did_you_mean, is_whole

Names = Sequence[Any] | NDArray[Any] | Tensor
"""Names, or whole numbers instead of names, one per item."""


def written(names: Names, kind: str, where: str) -> list[str] | list[int]:
    """Convert labels or authors to a list of names or a list of whole numbers.

    Args:
        names: Name or whole number of each item.
        kind: What they are, for errors: "label" or "author".
        where: The name of the source, for errors.

    Raises:
        InputError: If one is neither a name nor a whole number, or names and numbers are mixed.

    Example:
        >>> written(np.array([3, 4]), "label", "digits")
        [3, 4]
    """
    if isinstance(names, str | Mapping):
        raise InputError(f"{where}: {kind}s={type(names).__name__}: give a list with one {kind} per item")
    values = names.tolist() if isinstance(names, np.ndarray | Tensor) else list(names)
    for index, value in enumerate(values):
        if not isinstance(value, str) and not is_whole(value):
            raise InputError(
                f"{where}: {kind} {index} is {str(value)[:40]!r} ({type(value).__name__}); give a name or a whole "
                "number for each item"
            )
    text = next((value for value in values if isinstance(value, str)), None)
    number = next((value for value in values if not isinstance(value, str)), None)
    if text is not None and number is not None:
        raise InputError(f"{where}: {kind}s are names ('{text}') and numbers ({number}); give all of them as names")
    return [str(value) for value in values] if number is None else [int(value) for value in values]


def numbered(names: list[str] | list[int]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Sort the distinct names (whole numbers as numbers), and index each name into them.

    Example:
        >>> numbered([10, 9, 10])
        (('9', '10'), array([1, 0, 1]))
    """
    distinct, index = np.unique(np.asarray(names, dtype=object), return_inverse=True)
    return tuple(map(str, distinct)), index.astype(np.int64)


def name_text(name: object) -> str:
    """Convert a name or whole number to the text of the name.

    Example:
        >>> name_text(9), name_text("cat")
        ('9', 'cat')
    """
    return str(int(name)) if is_whole(name) else str(name)


def asked(names: Iterable[Any], kind: str, where: str) -> list[str]:
    """Convert a list of names or whole numbers to texts.

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


def find(names: Iterable[Any], known: tuple[str, ...], kind: str, where: str) -> list[int]:
    """Look names up.

    Args:
        names: A list or an array of names or whole numbers.
        known: Names to look among.
        kind: What they name, for errors: "class", "group" or "author".
        where: Name of the source, for errors.

    Returns:
        The index of each name.

    Raises:
        InputError: If a name is unknown, or `names` is a single name or number.

    Example:
        >>> find(["dog"], ("cat", "dog"), "class", "pets")
        [1]
    """
    index = {name: i for i, name in enumerate(known)}
    indices = []
    for name in asked(names, kind, where):
        if name not in index:
            raise InputError(f"{where}: no {kind} '{name}'; {did_you_mean(name, known)}")
        indices.append(index[name])
    return indices
