"""The ops of a clause of a plan, built and checked for the placements that the clause names."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from manyshot.augment.augmenter import LEARNED
from manyshot.augment.mix import Mix
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op
from manyshot.augment.plan.syntax_tree import Clause
from manyshot.augment.registry import build_op
from manyshot.augment.task import TaskOp
from manyshot.augment.task.shared_draws import SHARED_BY, SharedOps
from manyshot.base import InputError
from manyshot.base.call_syntax import Call, shorten, word, write


def refuse_learned(clause: Clause) -> None:
    """Check that a clause does not have the word `learned`.

    Raises:
        InputError: If it has.
    """
    for call in clause.calls:
        if call.name == LEARNED:
            raise InputError(f"plan: {call.place} adds items: write it in a 'shots:' clause of its own")


def build_ops(clause: Clause, calls: Iterable[Call]) -> list[Any]:
    """The ops of a clause, in order; ops of tasks only in a clause of their own."""
    refuse_learned(clause)
    built = [build_op(call) for call in calls]
    for call, op in zip(clause.calls, built, strict=True):
        if isinstance(op, TaskOp) and clause.placements != ("task",):
            raise InputError(f"plan: {call.place} changes whole tasks: write it in a 'task:' clause of its own")
    return built


def build_item_ops(clause: Clause) -> tuple[Compose, tuple[Mix, ...]]:
    """The ops of items of a clause as one, and the mixes behind them."""
    built = build_ops(clause, clause.calls)
    for call, op, before in zip(clause.calls[1:], built[1:], built, strict=False):
        if isinstance(before, Mix) and not isinstance(op, Mix):
            raise InputError(f"plan: {call.place} stands behind a mix; write mixes last")
    ops = tuple(op for op in built if not isinstance(op, Mix))
    return Compose(ops), tuple(op for op in built if isinstance(op, Mix))


def count_and_weight(clause: Clause) -> tuple[int, float]:
    """The number of variants per item and their weight; both are 1 if the clause does not give them."""
    return clause.copies or 1, 1.0 if clause.weight is None else clause.weight


def merge_shared(built: Iterable[tuple[Op | TaskOp, str]]) -> Iterator[SharedOps | TaskOp]:
    """Ops in order, neighboring ops of items merged, so that the engine runs them in one pass."""
    for is_task_op, group in groupby(built, lambda pair: isinstance(pair[0], TaskOp)):
        ops, per = zip(*group, strict=True)
        if is_task_op:
            yield from ops
        else:
            yield SharedOps(Compose(ops), per)


def split_per(call: Call) -> tuple[str, Call]:
    """Whether classes or tasks share the op's draw, and the call without that option."""
    given = dict(call.options)
    if "per" not in given:
        return "class", call
    per = word(given["per"])
    if per not in SHARED_BY:
        raise InputError(f"plan: {call.place}: per={shorten(write(given['per']))}; give class or task")
    return per, replace(call, options=tuple(option for option in call.options if option[0] != "per"))
