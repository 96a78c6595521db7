"""Ops as JSON, with every option spelled out and read through a table of names, so that no code is run.

    {"manyshot pipeline": 1, "op": {"name": "compose", "ops": [{"name": "flip", "p": 0.5}, ...]}}

Defaults may change; a stored pipeline does not.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, get_type_hints

from manyshot.augment.mix import MIXES, Mix, SometimesMix
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.named_part import NamedPart
from manyshot.augment.ops.op import Op
from manyshot.augment.parts import OPS as JOINT_OPS
from manyshot.augment.parts import PART_MIXES
from manyshot.augment.plan.fields import is_required, options
from manyshot.augment.registry import CHOOSERS, OPS
from manyshot.augment.text import OPS as TEXT_OPS
from manyshot.base import InputError, did_you_mean, parse_json
from manyshot.runtime.upgrade import OPTION_VALUES, OPTIONS

HEAD = "manyshot pipeline"
VERSION = 1
DEEPEST = 32
"""How deep ops may be nested."""

NAMES: Mapping[str, type] = {
    **OPS,
    **TEXT_OPS,
    **CHOOSERS,
    **MIXES,
    **JOINT_OPS,
    **PART_MIXES,
    "compose": Compose,
    "sometimes": Sometimes,
    "at": NamedPart,
    "sometimes_mix": SometimesMix,
}
"""Every op that can be stored, by name."""
_NAME_OF = {kind: name for name, kind in NAMES.items()}


def to_json(op: Op | Mix) -> str:
    """Write an op, a pipeline of ops or a mix as one line of JSON.

    Raises:
        InputError: For an op that has no name in the table, such as an adapted op of another library.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> to_json(Flip())
        '{"manyshot pipeline": 1, "op": {"name": "flip", "p": 0.5}}'
    """
    return json.dumps({HEAD: VERSION, "op": _written(op)}, allow_nan=False)


def from_json(text: str) -> Any:  # noqa: ANN401 - an op or a mix
    """Read what `to_json` wrote.

    Missing options take their defaults.

    Raises:
        InputError: For text that is not JSON, another version, an unknown name or option, or a value of the wrong type
            or out of range, naming where.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> from_json(to_json(Affine(degrees=5))) == Affine(degrees=5)
        True
        >>> from_json('{"manyshot pipeline": 1, "op": {"name": "flip", "p": 7}}')
        Traceback (most recent call last):
        manyshot.base.errors.InputError: pipeline: op: p=7: give a number from 0 to 1
    """
    stored = parse_json(text, "pipeline", unicode=True)
    if not isinstance(stored, dict) or set(stored) != {HEAD, "op"}:
        raise InputError(f"pipeline: give an object with '{HEAD}' and 'op', as to_json writes it")
    if stored[HEAD] != VERSION:
        raise InputError(f"pipeline: version {stored[HEAD]!r}: this Manyshot reads version {VERSION}; update it")
    return _read(stored["op"], "op", 0)


def _written(value: Any) -> Any:  # noqa: ANN401 - a field of an op
    if isinstance(value, tuple):
        return [_written(inner) for inner in value]
    if isinstance(value, (bool, int, float, str)):
        return value
    kind = type(value)
    if kind not in _NAME_OF:
        raise InputError(f"{kind.__name__} cannot be stored: only ops that `manyshot ops` lists can")
    return {"name": _NAME_OF[kind], **{name: _written(getattr(value, name)) for name in options(kind)}}


def _read(stored: object, where: str, depth: int) -> Any:  # noqa: ANN401 - an op or a mix
    if depth > DEEPEST:
        _fail(where, f"more than {DEEPEST} ops inside each other", "nest fewer")
    if not isinstance(stored, dict) or not isinstance(stored.get("name"), str):
        _fail(where, "no op", "give an object with the 'name' of an op")
    name = stored["name"]
    if name not in NAMES:
        _fail(where, f"unknown op '{name[:40]}'", did_you_mean(name, NAMES))
    kind = NAMES[name]
    settable, types = options(kind), get_type_hints(kind)
    given = dict(_renamed(name, key, value) for key, value in stored.items() if key != "name")
    for key in given:
        if key not in settable:
            _fail(where, f"{name} has no option '{key[:40]}'", did_you_mean(key, settable))
    for key, option in settable.items():
        if is_required(option) and key not in given:
            _fail(where, f"{name} without '{key}'", f"give it '{key}'")
    values = {key: _value(value, types[key], f"{where}.{key}", depth) for key, value in given.items()}
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"pipeline: {where}: {str(error).removeprefix(f'{kind.__name__}: ')}") from None


def _renamed(name: str, key: str, value: object) -> tuple[str, object]:
    """An option and its value by the names of today."""
    new = OPTIONS["plan"].get(name, {}).get(key, key)
    return new, OPTION_VALUES.get(key, {}).get(value, value) if new != key and isinstance(value, str) else value


def _value(stored: object, kind: Any, where: str, depth: int) -> Any:  # noqa: ANN401 - what a field may hold
    """A stored value as the type of the field."""
    if kind == tuple[Op, ...]:
        if not isinstance(stored, list):
            _fail(where, "no list", "give a list of ops")
        return tuple(_expect(Op, inner, f"{where}[{index}]", depth) for index, inner in enumerate(stored))
    if kind in (Op, Mix):
        return _expect(kind, stored, where, depth)
    if kind is float and isinstance(stored, int) and not isinstance(stored, bool):
        return stored
    if not isinstance(stored, kind) or (kind is int and isinstance(stored, bool)):
        names = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
        _fail(where, f"{json.dumps(stored)[:40]}", f"give {names[kind]}")
    return stored


def _expect(kind: type, stored: object, where: str, depth: int) -> Any:  # noqa: ANN401 - an instance of the kind
    value = _read(stored, where, depth + 1)
    if isinstance(value, Mix) != (kind is Mix):
        _fail(where, f"{type(value).__name__}", "give a mix" if kind is Mix else "give an op that keeps labels")
    return value


def _fail(where: str, wrong: str, hint: str) -> NoReturn:
    raise InputError(f"pipeline: {where}: {wrong}; {hint}")
