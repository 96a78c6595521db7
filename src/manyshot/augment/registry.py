"""Every op that a plan can name: on any kind of item, policies, choosers among ops, mixes, and on whole tasks."""

from typing import Any

from manyshot.augment.audio import OPS as AUDIO_OPS
from manyshot.augment.image import OPS as IMAGE_OPS
from manyshot.augment.masked import OPS as MASKED_OPS
from manyshot.augment.mix import MIXES, Mix, SometimesMix
from manyshot.augment.ops.choose import OneOf, SomeOf
from manyshot.augment.ops.compose import Sometimes
from manyshot.augment.ops.named_part import NamedPart
from manyshot.augment.ops.op import Op
from manyshot.augment.parts import OPS as JOINT_OPS
from manyshot.augment.parts import PART_MIXES
from manyshot.augment.policies import POLICIES
from manyshot.augment.task import TASK_OPS, TaskOp
from manyshot.augment.text import OPS as TEXT_OPS
from manyshot.augment.volume import OPS as VOLUME_OPS
from manyshot.base import InputError
from manyshot.base.call_syntax import Call, Value, shorten, write
from manyshot.base.entry_point_catalog import spelled
from manyshot.base.options import read
from manyshot.base.registry import Registry

OPS: dict[str, type[Op]] = {**IMAGE_OPS, **VOLUME_OPS, **POLICIES}
"""Every op on images or volumes that stands alone, by its name in plans; its options are the class's fields."""

CHOOSERS: dict[str, type[Op]] = {"oneof": OneOf, "someof": SomeOf}
"""Ops that take ops, as in `oneof(blur noise)`; to act now and then needs no name, since every op takes `p=`."""


def build_op(call: Call) -> Any:  # noqa: ANN401 - an op, a mix or a task op
    """Build the op that a call names.

    Values by position fill the options in order. An op without an option `p` takes one nevertheless: it then acts with
    that probability. So does `at`, the part of an example of several that it changes.

    Args:
        call: As parsed.

    Raises:
        InputError: For an unknown op or option, too many values, or a value of the wrong type or out of range.

    Example:
        >>> build_op(Call("flip", (0.25,)))
        Flip(p=0.25)
        >>> build_op(Call("noise", (), (("p", 0.5),)))
        Sometimes(op=Noise(strength=0.1), p=0.5)
    """
    written = dict(call.options)
    own: Any = NAMED.options(call.name) if call.name in NAMED else {}
    if "per" in written and "per" not in own:
        call.fail(f"per={shorten(write(written['per']))}", "only ops of a 'task:' clause of its own take per")
    at = None
    if own and "at" in written and "at" not in own:
        at = read(call, "at", str, written.pop("at"), {})
        call = _without(call, "at")
    p = None
    inner = call
    if own and "p" in written and "p" not in own:
        p = read(call, "p", float, written["p"], {})
        inner = _without(call, "p")
    spec = NAMED.spec(inner, also=("p",))
    try:
        op = spec.build()
        if p is not None:
            op = SometimesMix(op, p) if isinstance(op, Mix) else Sometimes(op, p)
        if at is not None and not isinstance(op, Op):
            call.fail(f"at={at}", "only ops on items take at")
        return op if at is None else NamedPart(op, at)
    except InputError as error:
        # The class's name adds nothing to the call as written.
        reason = str(error).removeprefix(f"{NAMED[spec.name].__name__}: ")
        raise InputError(f"{call.what}: {call.place}: {reason}") from None


def _without(call: Call, option: str) -> Call:
    """The same call without an option."""
    return Call(call.name, call.arguments, tuple(o for o in call.options if o[0] != option), call.at, call.what)


def _ops(call: Call, name: str, value: Value) -> tuple[Op, ...]:
    """Ops as the value of an option."""
    if not isinstance(value, tuple):
        call.fail(f"{name}={shorten(write(value))}", "give ops, separated by spaces")
    ops = tuple(build_op(inner) for inner in value)
    for inner, op in zip(value, ops, strict=True):
        text = f"{name}={shorten(write(value))}"
        if isinstance(op, Mix):
            call.fail(text, f"{inner.name} changes labels: write it behind the ops of a clause, not inside one")
        if isinstance(op, TaskOp):
            call.fail(text, f"{inner.name} changes whole tasks: write it in a 'task:' clause, not inside an op")
    return ops


def _op(call: Call, name: str, value: Value) -> Op:
    """One op as the value of an option."""
    if not isinstance(value, tuple) or len(value) > 1:
        call.fail(f"{name}={shorten(write(value))}", "give one op")
    return _ops(call, name, value)[0]


def canonical(call: Call) -> Call:
    """The same call with aliases of ops replaced by the names that they stand for, inside it too.

    Example:
        >>> str(canonical(Call("oneof", ((Call("cutout"), Call("gaussian_blur")),))))
        'oneof(erase blur)'
    """
    if call.name not in NAMED:
        return call
    options = NAMED.options(call.name)

    def inner(kind: Any, value: Value) -> Value:  # noqa: ANN401 - an annotation
        return tuple(map(canonical, value)) if kind in NAMED.readers and isinstance(value, tuple) else value

    types = [option.type for option in options.values()] + [None] * len(call.arguments)
    arguments = tuple(inner(kind, value) for kind, value in zip(types, call.arguments, strict=False))
    named = tuple(
        (name, inner(options[name].type, value) if name in options else value) for name, value in call.options
    )
    name = NAMED.canonical(call.name) if spelled(call.name) in ALIASES else call.name
    return Call(name or call.name, arguments, named, call.at, call.what)


ALIASES = {
    "rotate90": "turn",
    "horizontal-flip": "flip",
    "vertical-flip": "flip-vertical",
    "random-affine": "affine",
    "random-perspective": "perspective",
    "random-crop": "crop",
    "random-resized-crop": "resized-crop",
    "elastic-transform": "elastic",
    "grid-distortion": "grid-distort",
    "thin-plate-spline": "thin-plate",
    "gaussian-noise": "noise",
    "speckle-noise": "speckle",
    "salt-and-pepper": "salt-pepper",
    "gaussian-blur": "blur",
    "random-erasing": "erase",
    "cutout": "erase",
    "to-gray": "grayscale",
    "jpeg-compression": "jpeg",
    "random-convolution": "random-filter",
    "rand-augment": "randaugment",
    "trivial-augment": "trivialaugment",
    "one-of": "oneof",
    "some-of": "someof",
    "synonym-replacement": "synonyms",
    "random-insertion": "insert-words",
    "random-swap": "swap-words",
    "random-deletion": "delete-words",
}
"""Names of ops in other libraries and papers, which plans understand; a plan prints ours."""

NAMED: Registry[Any] = Registry(
    "op",
    {
        **OPS,
        **MASKED_OPS,
        **AUDIO_OPS,
        **TEXT_OPS,
        **CHOOSERS,
        **MIXES,
        **JOINT_OPS,
        **PART_MIXES,
        **TASK_OPS,
    },
    base=(Op, Mix, TaskOp),
    aliases=ALIASES,
    group="manyshot.ops",
    readers={Op: _op, tuple[Op, ...]: _ops},
)
"""All that a plan can name."""
