"""Which names the classes of a model may have: none that could not be printed, none twice."""

from collections.abc import Sequence

from manyshot.base import InputError, printable

MAX_CLASSES = 100_000


def check_class_names(class_names: Sequence[str], where: str) -> None:
    r"""Refuse names of classes that could not be printed: with control characters, or marks that reverse text.

    Args:
        class_names: Names of the classes.
        where: What error messages begin with.

    Raises:
        InputError: If there are fewer than two or more than `MAX_CLASSES`, or a name is empty, occurs twice or holds
            such a character.

    Example:
        >>> check_class_names(["ant", "bee\x1b[2J"], "photos")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: photos: class 'bee\x1b[2J' holds a control character; rename it
    """
    if not 2 <= len(class_names) <= MAX_CLASSES:
        raise InputError(f"{where}: {len(class_names):,} classes; a model has 2 to {MAX_CLASSES:,}")
    for name in class_names:
        if not name.strip():
            raise InputError(f"{where}: a class without a name; name it")
        if printable(name) != name:
            raise InputError(f"{where}: class {name!r} holds a control character; rename it")
    if len(set(class_names)) < len(class_names):
        raise InputError(f"{where}: two classes have one name; rename one")
