"""From an op as written to the op itself: names are looked up, values are checked against the op's fields."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, NoReturn, get_type_hints

from manyshot.augment.mix import Mix, SometimesMix
from manyshot.augment.ops.compose import Sometimes
from manyshot.augment.ops.op import Op
from manyshot.augment.plan.syntax import Call, Value, shorten, write
from manyshot.augment.task.task_op import TaskOp
from manyshot.base import InputError, did_you_mean


def build(call: Call, table: Mapping[str, type], what: str = "op") -> Any:  # noqa: ANN401 - an instance of a class of the table
    """Make the op that a call names.

    Values by position fill the fields in order. An op without a field `p` takes one all the same: it then acts with
    that probability. Fields may be numbers, whole numbers, yes/no, words, an op, or a tuple of ops. In a name, a hyphen
    and an underscore are the same.

    Args:
        call: as parsed.
        table: op classes (frozen dataclasses) by name.
        what: the table's kind of thing, as errors call it; learners and encoders are written in the same way.

    Raises:
        InputError: for an unknown op or option, too many values, a value of the wrong kind or out of range.

    Example:
        >>> from manyshot.augment.image import OPS
        >>> build(Call("flip", (0.25,)), OPS)
        Flip(p=0.25)
    """
    found = _spelled(call.name, table)
    if found is None:
        _fail(call, f"unknown {what}", did_you_mean(call.name, table))
    kind = table[found]
    settable = options(kind)
    if len(call.arguments) > len(settable):
        _fail(
            call, f"{len(call.arguments)} values", f"{call.name} takes at most {len(settable)}: {', '.join(settable)}"
        )
    written = dict(zip(settable, call.arguments, strict=False))
    share = None
    for name, value in call.options:
        if name in written:
            _fail(call, f"{name} is given by position and by name", "give it once")
        if name in settable:
            written[name] = value
        elif name == "p" and what == "op":
            share = _read(call, name, float, value, table)
        elif name == "per" and what == "op":
            _fail(
                call,
                f"per={shorten(write(value))}",
                "only ops of a 'task:' clause of its own take per; leave it out here",
            )
        else:
            known = [*settable, "p"] if what == "op" else settable
            _fail(call, f"unknown option '{shorten(name)}'", did_you_mean(name, known))
    missing = [name for name, option in settable.items() if is_required(option) and name not in written]
    if missing:
        _fail(call, f"no {missing[0]}", f"write {call.name}({missing[0]}=...)")
    types = get_type_hints(kind)
    values = {name: _read(call, name, types[name], value, table) for name, value in written.items()}
    try:
        op = kind(**values)
        if share is None:
            return op
        return SometimesMix(op, share) if isinstance(op, Mix) else Sometimes(op, share)
    except InputError as error:
        # The class's name adds nothing to the call as written.
        raise InputError(f"{call.what}: {call.place}: {str(error).removeprefix(f'{kind.__name__}: ')}") from None


def _spelled(name: str, table: Mapping[str, type]) -> str | None:
    """The name as the table spells it."""
    if name in table:
        return name
    return next((known for known in table if known.replace("-", "_") == name.replace("-", "_")), None)


def options(kind: type) -> dict[str, Field[Any]]:
    """The fields of an op class that can be set, by name, in order."""
    return {field.name: field for field in fields(kind) if field.init}


def is_required(option: Field[Any]) -> bool:
    """Whether the option has no default."""
    return option.default is MISSING and option.default_factory is MISSING


def word(value: Value) -> str | None:
    """The word that a value is, or None for a number or ops with arguments."""
    if isinstance(value, tuple) and len(value) == 1 and not value[0].arguments and not value[0].options:
        return value[0].name
    return None


def _read(call: Call, name: str, kind: Any, value: Value, table: Mapping[str, type]) -> Any:  # noqa: ANN401 - what a field may hold
    """A written value as what the field wants."""
    text = f"{name}={shorten(write(value))}"
    if kind in (float, int):
        if not isinstance(value, float | int):
            _fail(call, text, "give a number")
        if kind is int and value != int(value):
            _fail(call, text, "give a whole number")
        return kind(value)
    if kind is bool:
        if word(value) not in ("yes", "no"):
            _fail(call, text, "give yes or no")
        return word(value) == "yes"
    if kind is str:
        if not isinstance(value, str) and word(value) is None:
            _fail(call, text, "give a word, or a text in quotes")
        return value if isinstance(value, str) else word(value)
    if kind not in (Op, tuple[Op, ...]):
        raise TypeError(f"{call.name}.{name}: the plan language has no way to write {kind}")
    if not isinstance(value, tuple) or (kind is Op and len(value) > 1):
        _fail(call, text, "give one op" if kind is Op else "give ops, separated by spaces")
    ops = tuple(build(inner, table) for inner in value)
    for inner, op in zip(value, ops, strict=True):
        if isinstance(op, Mix):
            _fail(call, text, f"{inner.name} changes labels: write it behind the ops of a clause, not inside one")
        if isinstance(op, TaskOp):
            _fail(call, text, f"{inner.name} changes whole tasks: write it in a 'task:' clause, not inside an op")
    return ops[0] if kind is Op else ops


def _fail(call: Call, wrong: str, mend: str) -> NoReturn:
    raise InputError(f"{call.what}: {call.place}: {wrong}; {mend}")
