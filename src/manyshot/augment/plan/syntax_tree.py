"""The syntax tree of a plan (`manyshot.augment.plan.parser`), before the names of ops are looked up."""

import math
from dataclasses import dataclass

from manyshot.base import InputError
from manyshot.base.call_syntax import Call, number, shorten

MOST_COPIES = 1024


@dataclass(frozen=True)
class Clause:
    """What happens at one or several placements: `shots: 8 x elastic weight 0.5`.

    Args:
        placements: Names of placements, as written; `manyshot.augment.plan.placements` looks them up.
        calls: The ops, in the order in which they act.
        copies: Number of variants per item, 1 to 1,024; None where no count is written.
        weight: Weight of an added shot, as a fraction of the weight of the item that it came from; None means 1.
        balanced: Whether rarer classes get more variants, so that all classes have as many items afterwards.

    Raises:
        InputError: For a repeated placement, no op, or a count or weight out of range.

    Example:
        >>> str(Clause(("shots",), (Call("elastic"),), copies=8, weight=0.5))
        'shots: 8 x elastic weight 0.5'
    """

    placements: tuple[str, ...]
    calls: tuple[Call, ...]
    copies: int | None = None
    weight: float | None = None
    balanced: bool = False

    def __post_init__(self) -> None:
        where = "+".join(self.placements)
        if not self.placements or not self.calls:
            raise InputError(
                f"plan: '{where}:' has no op; name at least one, such as 'support: affine', or leave the clause out"
            )
        if len(set(self.placements)) < len(self.placements):
            raise InputError(f"plan: '{where}:' names a placement twice; name each once")
        if self.copies is not None and not 1 <= self.copies <= MOST_COPIES:
            count = shorten(str(self.copies))
            raise InputError(f"plan: '{where}: {count} x': give a whole number from 1 to {MOST_COPIES}")
        if self.weight is not None and not (self.weight > 0 and math.isfinite(self.weight)):
            raise InputError(f"plan: '{where}: … weight {number(self.weight)}': give a number above 0")

    def __str__(self) -> str:
        copies = "" if self.copies is None else f"{self.copies} x "
        weight = "" if self.weight is None else f" weight {number(self.weight)}"
        balanced = "balanced " if self.balanced else ""
        return f"{'+'.join(self.placements)}: {balanced}{copies}{' '.join(map(str, self.calls))}{weight}"


@dataclass(frozen=True)
class Syntax:
    """A whole plan as written; without clauses it is `none`.

    Raises:
        InputError: If two clauses share a placement.

    Example:
        >>> str(Syntax((Clause(("task",), (Call("turn"),)),)))
        'task: turn'
        >>> str(Syntax())
        'none'
    """

    clauses: tuple[Clause, ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for clause in self.clauses:
            for placement in clause.placements:
                if placement in seen:
                    raise InputError(f"plan: two clauses for '{placement}'; merge them into one '{placement}:' clause")
                seen.add(placement)

    def __str__(self) -> str:
        return "; ".join(map(str, self.clauses)) or "none"
