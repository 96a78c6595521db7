"""Check that a value from a file has the type that its reader expects."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from manyshot.base.errors import InputError

NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
SHOWN = 40  # characters of a wrong value in an error


def check_type(value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 - from a file
    """Return a value if it has a type, at every depth.

    Args:
        value: Value of types that JSON has, or tuples.
        kind: Type to check: `str`, `int`, `float` (a whole number counts as one), `bool`, `None`, `Any`, lists, tuples
            and dictionaries of such types, unions, or a `TypedDict`, whose value may have other keys as well.
        where: Path of the file, for errors.

    Raises:
        InputError: If the value, or one inside it, has another type; names its path.

    Example:
        >>> check_type({"steps": [1, 2]}, dict[str, list[int]], "log.json")
        {'steps': [1, 2]}
        >>> check_type({"steps": [1, "x"]}, dict[str, list[int]], "log.json")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: log.json: steps[1]: 'x' is not a whole number
    """
    fault = _fault(value, kind, "")
    if fault is not None:
        raise InputError(f"{where}: {fault}")
    return value


def has_type(value: Any, kind: Any) -> bool:  # noqa: ANN401 - from a file
    """Whether a value has a type; see `check_type`.

    Example:
        >>> has_type((3, 5), int | tuple[int, int]), has_type(True, int)
        (True, False)
    """
    return _fault(value, kind, "") is None


def _fault(value: Any, kind: Any, path: str) -> str | None:  # noqa: ANN401 - one line per kind of type
    """What is wrong and where, or None."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return None
    if origin in (Union, UnionType):
        return None if any(_fault(value, one, path) is None for one in inner) else _wrong(value, kind, path)
    if is_typeddict(kind):
        return _fault_of_object(value, kind, path)
    if origin is dict or kind is dict:
        if not isinstance(value, dict):
            return _wrong(value, kind, path)
        each = inner[1] if inner else Any
        return _first(_fault(item, each, _key(path, name)) for name, item in value.items())
    if origin in (list, tuple) or kind in (list, tuple):
        expected = origin or kind
        if not isinstance(value, expected):
            return _wrong(value, kind, path)
        fixed = expected is tuple and inner and inner[-1] is not Ellipsis
        if fixed and len(value) != len(inner):
            return _wrong(value, kind, path)
        kinds = inner if fixed else (inner[0] if inner else Any,) * len(value)
        return _first(_fault(item, one, f"{path}[{i}]") for i, (item, one) in enumerate(zip(value, kinds, strict=True)))
    plain = NoneType if kind is None else kind
    if isinstance(value, bool) != (plain is bool) or not isinstance(value, (int, float) if plain is float else plain):
        return _wrong(value, kind, path)
    return None


def _fault_of_object(value: Any, kind: Any, path: str) -> str | None:  # noqa: ANN401 - from a file
    if not isinstance(value, dict):
        return _wrong(value, kind, path)
    missing = sorted(kind.__required_keys__ - value.keys())
    if missing:
        return f"{path}: no '{missing[0]}'" if path else f"no '{missing[0]}'"
    hints = get_type_hints(kind)
    return _first(_fault(value[name], one, _key(path, name)) for name, one in hints.items() if name in value)


def _first(faults: Any) -> str | None:  # noqa: ANN401 - a generator
    return next((fault for fault in faults if fault is not None), None)


def _key(path: str, name: str) -> str:
    return f"{path}.{name[:SHOWN]}" if path else name[:SHOWN]


def _wrong(value: Any, kind: Any, path: str) -> str:  # noqa: ANN401 - from a file
    named = (
        "a list" if isinstance(value, list) and value else "an object" if isinstance(value, dict) and value else None
    )
    shown = named or repr(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    return f"{path}: {shown} is not {_name(kind)}" if path else f"{shown} is not {_name(kind)}"


def _name(kind: Any) -> str:  # noqa: ANN401 - a type
    origin = get_origin(kind) or kind
    if origin in (Union, UnionType):
        return " or ".join(map(_name, get_args(kind)))
    if origin in (list, tuple):
        inner = get_args(kind)
        return f"a list of {len(inner)}" if origin is tuple and inner and inner[-1] is not Ellipsis else "a list"
    return NAMES.get(NoneType if origin is None else origin, "an object")
