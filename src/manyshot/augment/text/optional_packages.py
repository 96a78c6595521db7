"""Optional packages, which extras of Manyshot install."""

from importlib import import_module
from types import ModuleType

from manyshot.base import InputError


def require(name: str, extra: str) -> ModuleType:
    """Import an optional package.

    Args:
        name: Name of the module.
        extra: Name of the extra of Manyshot that installs it.

    Raises:
        InputError: If it is not installed, naming the extra.

    Example:
        >>> require("no_such_package", "text")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: No module named 'no_such_package'; install it by: pip install "manyshot[text]"
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(f'{error}; install it by: pip install "manyshot[{extra}]"') from None
