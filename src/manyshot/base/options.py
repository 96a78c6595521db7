"""Options of a factory, read from its signature: their types, their defaults, and how text sets them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from manyshot.base.call_syntax import Call, Value, is_word, number, shorten, word, write
from manyshot.base.entry_point_catalog import spelled
from manyshot.base.errors import InputError
from manyshot.base.suggest import did_you_mean

Reader = Callable[[Call, str, Value], Any]
"""Turns a written value into what a type of a registry's own holds: the call, the option's name, the value."""

REQUIRED: Any = object()
"""In place of a default: the option must be given."""
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True)
class Option:
    """One option of a factory.

    Args:
        name: The parameter's name.
        type: Its annotation.
        default: Its default value; `REQUIRED` for one that must be given.
    """

    name: str
    type: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    @property
    def is_sequence(self) -> bool:
        """Whether it holds several numbers, which text gives by position."""
        return get_origin(self.type) is Sequence or (get_origin(self.type) is tuple and get_args(self.type)[0] is int)


def options_of(
    factory: Callable[..., Any], hidden: frozenset[str] = frozenset(), readers: Mapping[Any, Reader] | None = None
) -> dict[str, Option]:
    """The options that text can set: the parameters of a function, or of a class's constructor and its `build`.

    Parameters whose type has no written form are left out. A sequence of numbers has one only as the first option.

    Args:
        factory: A class or function.
        hidden: Parameters that the caller supplies.
        readers: Further types that have a written form.

    Raises:
        InputError: If a parameter without a default has no written form.

    Example:
        >>> def blur(size: int, sigma: float = 1.0, *, channels: int) -> None: ...
        >>> list(options_of(blur, frozenset({"channels"})))
        ['size', 'sigma']
    """
    options: dict[str, Option] = {}
    for function in _signatures(factory):
        try:
            types = get_type_hints(inspect.unwrap(function))
        except NameError as error:
            raise InputError(f"{_name(factory)}: an annotation cannot be resolved ({error})") from None
        for name, parameter in inspect.signature(function).parameters.items():
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if not named or name == "self" or name in hidden:
                continue
            default = REQUIRED if parameter.default is parameter.empty else parameter.default
            option = Option(name, types.get(name, type(default)), default)
            if _is_written(option.type, readers or {}) and not (options and option.is_sequence):
                options[name] = option
            elif option.required:
                raise InputError(
                    f"{_name(factory)}: parameter '{name}' needs a default or an annotation that text can express "
                    "(int, float, bool, str, Literal)"
                    + (f"; what is supplied is called {', '.join(sorted(hidden))}" if hidden else "")
                )
    return options


def accepted(factory: Callable[..., Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the caller's values that a factory takes.

    Example:
        >>> accepted(lambda size, norm="batch": None, {"size": 28, "channels": 1})
        {'size': 28}
    """
    parameters = inspect.signature(factory).parameters
    return {name: value for name, value in context.items() if name in parameters}


def _signatures(factory: Callable[..., Any]) -> list[Callable[..., Any]]:
    if not inspect.isclass(factory):
        return [factory]
    build = getattr(factory, "build", None)
    return [factory.__init__, build] if build is not None else [factory.__init__]


def _name(factory: Callable[..., Any]) -> str:
    return getattr(factory, "__name__", type(factory).__name__)


def _is_written(kind: Any, readers: Mapping[Any, Reader]) -> bool:  # noqa: ANN401 - an annotation
    if kind in (int, float, bool, str) or kind in readers or get_origin(kind) is Literal:
        return True
    if get_origin(kind) in (Union, UnionType):
        inner = [part for part in get_args(kind) if part is not NoneType]
        return len(inner) == 1 and len(inner) < len(get_args(kind)) and _is_written(inner[0], readers)
    return Option("", kind).is_sequence


def read(call: Call, name: str, kind: Any, value: Value, readers: Mapping[Any, Reader]) -> Any:  # noqa: ANN401 - by kind
    """A written value as an option of this type holds it.

    Args:
        call: The call that it is part of.
        name: The option.
        kind: The option's annotation.
        value: As written.
        readers: Further types that have a written form.

    Raises:
        InputError: For a value of another type.

    Example:
        >>> read(Call("maml"), "order", Literal[1, 2], 2.0, {})
        2
    """
    written = f"{name}={shorten(write(value))}"
    if kind in readers:
        return readers[kind](call, name, value)
    if get_origin(kind) in (Union, UnionType):
        if word(value) == "none":
            return None
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
        return read(call, name, kind, value, readers)
    if get_origin(kind) is Literal:
        return _choice(call, written, get_args(kind), value)
    if kind in (float, int):
        if not isinstance(value, float | int):
            call.fail(written, "give a number")
        if kind is int and value != int(value):
            call.fail(written, "give a whole number")
        return kind(value)
    if kind is bool:
        answer = _YES_NO.get(word(value) or "")
        return answer if answer is not None else call.fail(written, "give yes or no")
    if isinstance(value, str):
        return value
    return word(value) or call.fail(written, "give a word, or a text in quotes")


def _choice(call: Call, written: str, choices: tuple[Any, ...], value: Value) -> Any:  # noqa: ANN401 - one of the choices
    chosen = word(value) if isinstance(value, tuple) else value
    for known in choices:
        if known == chosen or (isinstance(chosen, str) and spelled(str(known)) == spelled(chosen)):
            return known
    names = [known for known in choices if isinstance(known, str)]
    hint = (
        did_you_mean(chosen, names) if isinstance(chosen, str) and names else "give " + " or ".join(map(str, choices))
    )
    return call.fail(written, hint)


def to_value(value: Any, paths: bool = False) -> Value:  # noqa: ANN401 - what an option may hold
    """The value of an option as text has it.

    Example:
        >>> write(to_value(True)), write(to_value("two words")), write(to_value(0.5))
        ('yes', '"two words"', '0.5')
    """
    if value is None:
        return (Call("none"),)
    if isinstance(value, bool):
        return (Call("yes" if value else "no"),)
    if isinstance(value, str):
        return (Call(value),) if is_word(value, paths) else value
    return float(number(value))
