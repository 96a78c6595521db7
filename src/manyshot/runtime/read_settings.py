"""Reading and checking the settings of a training from JSON."""

from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from manyshot.base import InputError, did_you_mean, has_type

Kind = TypeVar("Kind")

SHOWN = 40  # characters of a wrong value in an error


def read_settings(kind: Callable[..., Kind], values: Any, where: str, what: str) -> Kind:  # noqa: ANN401 - from a file
    """Settings from the dictionary that `as_dict` gave.

    Args:
        kind: Dataclass such as `Config`, whose first field is required and whose `fit` holds the loop's settings.
        values: Settings from JSON.
        where: Path of the file, for errors.
        what: Description of the settings, for errors.

    Raises:
        InputError: If the first setting is missing, a name is unknown or a value has the wrong type.

    Example:
        >>> from manyshot.training import Config
        >>> config = Config("digits", ways=(3, 5))
        >>> read_settings(Config, config.as_dict(), "here", "a run's settings") == config
        True
    """
    kinds = get_type_hints(kind)
    if not isinstance(values, dict) or next(iter(kinds)) not in values:
        raise InputError(f"{where}: not {what}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    steps = kinds["fit"]
    inner = _known(get_type_hints(steps), values.pop("fit", {}), where, what)
    outer = _known(kinds, values, where, what)
    try:
        return kind(**outer, fit=steps(**inner))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _known(kinds: dict[str, Any], values: Any, where: str, what: str) -> dict[str, Any]:  # noqa: ANN401 - from a file
    """The values, after a check that each belongs to a setting and has its type."""
    if not isinstance(values, dict):
        raise InputError(f"{where}: not {what}")
    for name, value in values.items():
        if name not in kinds:
            raise InputError(f"{where}: unknown setting '{name}'; {did_you_mean(name, kinds)}")
        if not has_type(value, kinds[name]):
            raise InputError(f"{where}: {name}={str(value)[:SHOWN]} has the wrong type")
    return values
