"""Which part of an example an op changes: the part of its kind, or the one that `at=` names."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.ops.named_part import NamedPart
from manyshot.augment.ops.op import Op, Params, take
from manyshot.base import InputError
from manyshot.tasks import Parts

Apply = Callable[[Op, Any, Params], Any]
"""A function that applies an op to a part of n examples."""


def kinds_of_op(op: Op) -> tuple[str, ...]:
    """The kinds of items that an op, and all ops that it holds, take; empty for any kind.

    Args:
        op: Op of items.

    Example:
        >>> from manyshot.augment import Sometimes
        >>> from manyshot.augment.image import Flip
        >>> kinds_of_op(Sometimes(Flip()))
        ('images',)
    """
    kinds = tuple(getattr(op, "takes", ()))
    for inner in getattr(op, "held", ()):
        others = kinds_of_op(inner)
        both = tuple(kind for kind in kinds if kind in others)
        if kinds and others and not both:
            raise InputError(
                f"{type(op).__name__}: holds ops on {' and '.join(kinds)} and on {' and '.join(others)}; write two"
            )
        kinds = both or kinds or others
    return kinds


def part_of(op: Op, kinds: dict[str, str]) -> str:
    """The name of the part that an op changes.

    Args:
        op: Op of items.
        kinds: Kind of each part.

    Raises:
        InputError: If no part is of its kind, or several are and none is named; the message lists them.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> part_of(Flip(), {"photo": "images", "caption": "texts"})
        'photo'
        >>> part_of(Flip(), {"front": "images", "back": "images"})
        Traceback (most recent call last):
        manyshot.base.errors.InputError: Flip: changes images, and there are two parts of them: front, back; name one \
by at=front
    """
    listed = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    if isinstance(op, NamedPart):
        if op.part not in kinds:
            raise InputError(f"{type(op.op).__name__}: at={op.part}: no such part; there are {listed}")
        require_kind(op.op, kinds[op.part])
        return op.part
    takes = kinds_of_op(op)
    fitting = [name for name, kind in kinds.items() if not takes or kind in takes]
    changes = " and ".join(takes) or "anything"
    if not fitting:
        raise InputError(f"{type(op).__name__}: changes {changes}, and the parts are {listed}; leave it out for them")
    if len(fitting) > 1:
        count = {2: "two", 3: "three"}.get(len(fitting), str(len(fitting)))
        raise InputError(
            f"{type(op).__name__}: changes {changes}, and there are {count} parts of them: {', '.join(fitting)}; name "
            f"one by at={fitting[0]}"
        )
    return fitting[0]


def apply_to_parts(op: Op, parts: Parts, params: Params, apply: Apply) -> Parts:
    """Apply an op, or the ops of a composition, each to the part that it changes.

    Ops on one part are applied together, so that they share a pass; a joint op sees what those before it did.

    Args:
        op: Op, or composition.
        parts: Parts of n examples.
        params: Params of n examples.
        apply: Applies ops to one part.

    Raises:
        InputError: As `part_of`.
    """
    steps = [(one, params[str(i)]) for i, one in enumerate(op.ops)] if isinstance(op, Compose) else [(op, params)]
    waiting: dict[str, list[tuple[Op, Params]]] = {}
    for one, drawn in steps:
        if "parts" in getattr(one, "takes", ()) and not isinstance(one, NamedPart):
            parts, waiting = _apply_waiting(parts, waiting, apply), {}
            parts = one.apply(parts, drawn)
            continue
        name = part_of(one, parts.kinds)
        waiting.setdefault(name, []).append((one.op if isinstance(one, NamedPart) else one, drawn))
    return _apply_waiting(parts, waiting, apply)


def _apply_waiting(parts: Parts, waiting: dict[str, list[tuple[Op, Params]]], apply: Apply) -> Parts:
    for name, steps in waiting.items():
        op = Compose(tuple(op for op, _ in steps))
        params = {str(index): drawn for index, (_, drawn) in enumerate(steps)}
        parts = parts.replaced(name, _apply_present(op, parts[name], parts.there[name], params, apply))
    return parts


def _apply_present(op: Op, value: Any, there: Tensor, params: Params, apply: Apply) -> Any:  # noqa: ANN401
    """Change the examples that have the part; placeholders stay."""
    if bool(there.all()):
        return apply(op, value, params)
    rows = there.cpu().nonzero().flatten()
    if not len(rows):
        return value
    if isinstance(value, Tensor):
        index = rows.to(value.device)
        changed = apply(op, value.index_select(0, index), take(params, rows))
        return torch.zeros(len(value), *changed.shape[1:], dtype=changed.dtype, device=changed.device).index_copy(
            0, index.to(changed.device), changed
        )
    result = list(value)
    present = [value[row] for row in rows.tolist()]
    for row, text in zip(rows.tolist(), apply(op, present, take(params, rows)), strict=True):
        result[row] = text
    return result
