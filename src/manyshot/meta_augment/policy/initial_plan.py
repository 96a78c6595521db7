"""Initial settings of a policy from a written plan."""

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
    """Read the probability and the magnitudes of each op of a policy from a written plan.

    Options that a policy does not learn, such as the cells of `elastic`, keep the policy's values. Ops of the plan that
    the policy lacks are left out; ops of the policy that the plan lacks have probability 0.

    Args:
        plan: Text of the plan, or name of a preset; its ops on shots or on the support are used.
        ops: Ops of the policy by name.

    Returns:
        The probability of each op, and all magnitudes, op by op.

    Raises:
        InputError: If the text is no plan for examples, or uses none of the ops.

    Example:
        >>> from manyshot.meta_augment.policy.policy_ops import policy_ops
        >>> initial_settings("support: affine(9, 1, 0, 0) stroke(0.7, p=0.5)", policy_ops(["rotate", "stroke"], 1))
        ([1.0, 0.5], [9.0, 0.7])
    """
    written = [_with_probability(op) for op in _parts(Plan(plan).item_op())]
    probabilities, magnitudes = [], []
    for row in ops.values():
        values, p = [magnitude.first for magnitude in row.magnitudes], 0.0
        for op, written_p in written:
            if type(op) is type(row.op) and (row.magnitudes or _same_but_for_p(op, row.op)):
                written_values = [_value(op, magnitude.option, magnitude.exponential) for magnitude in row.magnitudes]
                if row.switched or any(written_values):
                    values, p = written_values, written_p
        probabilities.append(p)
        magnitudes += values
    if not any(probabilities):
        raise InputError(
            f"initial_plan='{plan}' uses none of the ops {' '.join(ops)}; give a plan that uses some, or other ops"
        )
    return probabilities, magnitudes


def _parts(op: Op) -> tuple[Op, ...]:
    return op.ops if isinstance(op, Compose) else (op,)


def _with_probability(op: Any) -> tuple[Any, float]:  # noqa: ANN401 - ops have no options in common
    """An op and the probability with which it acts."""
    if isinstance(op, Sometimes):
        return op.op, op.p
    return op, float(getattr(op, "p", 1.0))


def _same_but_for_p(op: Any, unit: Any) -> bool:  # noqa: ANN401 - see above
    """Whether two ops differ in their probability at most."""
    return bool((replace(op, p=unit.p) if hasattr(unit, "p") else op) == unit)


def _value(op: Any, option: str, exponential: bool) -> float:  # noqa: ANN401 - see above
    value = float(getattr(op, option))
    return log(value) if exponential else value
