"""Settings of a training that a run stores as JSON."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_type_hints

from manyshot.base import InputError, did_you_mean, has_type

Kind = TypeVar("Kind", bound="StoredSettings")

SHOWN = 40  # characters of a wrong value in an error


@dataclass(frozen=True)
class StoredSettings:
    """Base of the settings of a run: a frozen dataclass of plain values that can be written as JSON and read again.

    The first field of a subclass is required, and its field `fit` holds the settings of the training loop.
    """

    described: ClassVar[str]
    """Description of the settings, for errors: "a run's settings"."""

    def as_dict(self) -> dict[str, Any]:
        """The settings as a dictionary for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls: type[Kind], values: Any, where: str) -> Kind:  # noqa: ANN401 - from a file
        """Read settings from a dictionary of `as_dict`.

        Args:
            values: Dictionary from JSON.
            where: Name of the file, for errors.

        Raises:
            InputError: If the first setting is missing, a name is unknown, or a value has the wrong type or is out of
                range.

        Example:
            >>> from manyshot.training import Config
            >>> config = Config("digits", ways=(3, 5))
            >>> Config.from_dict(config.as_dict(), "here") == config
            True
        """
        types = _types(cls)
        if not isinstance(values, dict) or next(iter(types)) not in values:
            raise InputError(f"{where}: not {cls.described}")
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        loop = types["fit"]
        inner = cls._known(_types(loop), values.pop("fit", {}), where)
        outer = cls._known(types, values, where)
        build: Callable[..., Kind] = cls
        try:
            return build(**outer, fit=loop(**inner))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None

    @classmethod
    def _known(cls, types: dict[str, Any], values: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - from a file
        """The values, after a check that each belongs to a setting and has its type."""
        if not isinstance(values, dict):
            raise InputError(f"{where}: not {cls.described}")
        for name, value in values.items():
            if name not in types:
                raise InputError(f"{where}: unknown setting '{name}'; {did_you_mean(name, types)}")
            if not has_type(value, types[name]):
                raise InputError(f"{where}: {name}={str(value)[:SHOWN]} has the wrong type")
        return values


def absolute_path(path: str) -> str:
    """The absolute path of a file or folder, so that it can be stored for use from any folder.

    Example:
        >>> absolute_path("/runs/../letters")
        '/letters'
    """
    return str(Path(path).expanduser().resolve())


def _types(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """The type of each field of a dataclass."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
