"""Where a policy begins: at a plan that a person wrote."""

from collections.abc import Mapping
from dataclasses import replace
from math import log
from typing import Any

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import Op
from manyshot.base import InputError
from manyshot.meta_augment.policy.policy_ops import PolicyOp


def initial_settings(plan: str, ops: Mapping[str, PolicyOp]) -> tuple[list[float], list[float]]:
    """How often a written plan uses each op of a policy, and how strongly.

    Options that a policy does not learn, such as the cells of `elastic`, are its own. Ops of the plan that are none of
    the policy's are left out; ops of the policy that are none of the plan's never act.

    Args:
        plan: its text, or the name of a preset; what it does to shots, or to the support.
        ops: the policy's.

    Returns:
        The chance of each op, and every magnitude, op by op.

    Raises:
        InputError: if the text is no plan for items, or has none of the ops.

    Example:
        >>> from manyshot.meta_augment.policy.policy_ops import policy_ops
        >>> initial_settings("support: affine(9, 1, 0, 0) stroke(0.7, p=0.5)", policy_ops(["rotate", "stroke"], 1))
        ([1.0, 0.5], [9.0, 0.7])
    """
    written = [_often(op) for op in _parts(Plan(plan).item_op())]
    chances, magnitudes = [], []
    for row in ops.values():
        own = [each.first for each in row.magnitudes]
        chance = 0.0
        for op, often in written:
            if type(op) is type(row.op) and (row.magnitudes or _alike(op, row.op)):
                values = [_value(op, each.option, each.exponential) for each in row.magnitudes]
                if row.switched or any(values):
                    chance, own = often, values
        chances.append(chance)
        magnitudes += own
    if not any(chances):
        raise InputError(
            f"initial_plan='{plan}' uses none of the ops {' '.join(ops)}; give a plan that uses some, or other ops"
        )
    return chances, magnitudes


def _parts(op: Op) -> tuple[Op, ...]:
    return op.ops if isinstance(op, Compose) else (op,)


def _often(op: Any) -> tuple[Any, float]:  # noqa: ANN401 - ops have no options in common
    """An op and the chance with which it acts."""
    if isinstance(op, Sometimes):
        return op.op, op.p
    return op, float(getattr(op, "p", 1.0))


def _alike(op: Any, unit: Any) -> bool:  # noqa: ANN401 - see above
    """Whether two ops are the same but for how often they act."""
    return bool((replace(op, p=unit.p) if hasattr(unit, "p") else op) == unit)


def _value(op: Any, option: str, exponential: bool) -> float:  # noqa: ANN401 - see above
    value = float(getattr(op, option))
    return log(value) if exponential else value
