"""Packages that extras of Manyshot install."""

from importlib import import_module
from types import ModuleType

from manyshot.base import InputError


def require(name: str, extra: str) -> ModuleType:
    """Import a package that an extra installs.

    Args:
        name: of the module.
        extra: of Manyshot.

    Raises:
        InputError: if it is not there, naming the extra.

    Example:
        >>> require("no_such_package", "text")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: No module named 'no_such_package'; install it by: pip install "manyshot[text]"
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(f'{error}; install it by: pip install "manyshot[{extra}]"') from None
