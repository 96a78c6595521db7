"""What `auto` chooses from: ops, and how their variants are used."""

import re
from dataclasses import dataclass
from functools import cache

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose

COPIES = 3
"""Variants of an example that a plan of one row makes."""
MIXED = 4
"""Variants of an example that a plan of several rows makes, as many of each row."""
PROBES = 2
"""Variants of an example under each row that are looked at before a plan is chosen."""

_POSE = "affine(15, 1.2, 0.1, 0.05, padding_mode=reflection)"
_BENT = "affine(10, 1.2, 0.2, 0.1, padding_mode=reflection) elastic(0.07, padding_mode=reflection)"

OPS = (
    "flip turn",
    _POSE,
    "affine(180, 1.1, 0, 0.05, padding_mode=reflection)",
    "affine(0, 1.5, 0, 0, padding_mode=reflection)",
    "crop(0.6)",
    "resized_crop(0.4)",
    "resized_crop(0.15)",
    _BENT,
    f"crop(0.6) {_BENT} stroke(1.5)",
    "stroke(2)",
    "brightness(0.4) contrast(0.4)",
    "hue(0.5) saturation(0.5)",
    "blur(2) noise(0.1)",
    "erase(0.3)",
    "flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3) hue(0.05)",
    "flip turn resized_crop(0.4)",
    f"flip crop(0.6) {_POSE}",
    "resized_crop(0.4) erase(0.3)",
)
"""The ops, as a plan writes them. Strengths in pixels are for pictures of `SIDE` pixels."""

SIDE = 64
"""Height and width of the pictures to which ops are applied, in pixels."""

IN_PIXELS = ("stroke", "blur")
"""Ops of the menu whose first option is in pixels."""

USES = ("light", "views")
"""How variants are used: as shots that together weigh as much as the example, or also, for a new example, by the mean
over it and its variants."""


@dataclass(frozen=True)
class Candidate:
    """Rows of the menu and how their variants are used.

    Args:
        rows: Rows, as a plan writes them; each makes an equal part of the variants. Empty for no augmentation.
        use: One of `USES`; empty for no augmentation.
    """

    rows: tuple[str, ...] = ()
    use: str = ""

    @property
    def variants(self) -> int:
        """Variants of an example."""
        return COPIES if len(self.rows) == 1 else MIXED

    @property
    def plan(self) -> Plan:
        """The candidate as a plan for pictures of `SIDE` pixels.

        Example:
            >>> Candidate(("flip",), "light").plan
            Plan('shots: 3 x flip weight 0.333')
            >>> Candidate(("blur(2)",), "views").plan
            Plan('shots: 3 x blur(2) weight 0.333; query: 4 x oneof(blur(2), p=0.75)')
            >>> Candidate(("flip", "blur(2)"), "light").plan
            Plan('shots: 4 x oneof(flip blur(2)) weight 0.25')
        """
        return self.plan_for(SIDE)

    def plan_for(self, side: int) -> Plan:
        """The candidate as a plan for pictures of another size: strengths in pixels grow with it.

        Args:
            side: Height or width of the pictures, the smaller one, in pixels.

        Example:
            >>> Candidate(("stroke(2)",), "light").plan_for(224)
            Plan('shots: 3 x stroke(7) weight 0.333')
        """
        if not self.rows:
            return Plan()
        pattern = rf"\b({'|'.join(IN_PIXELS)})\(([\d.]+)\)"
        rows = [re.sub(pattern, lambda found: _resized(found, side), row) for row in self.rows]
        made = rows[0] if len(rows) == 1 else f"oneof({' '.join(map(_as_one, rows))})"
        shots = f"shots: {self.variants} x {made} weight {1 / self.variants:.3g}"
        if self.use != "views":
            return Plan(shots)
        # One view is the query itself.
        chosen = f"p={self.variants / (self.variants + 1):.3g}"
        return Plan(f"{shots}; query: {self.variants + 1} x oneof({' '.join(map(_as_one, rows))}, {chosen})")


def _as_one(row: str) -> str:
    """A row as one op: of several, all."""
    count = len(build_ops(row).ops)
    return row if count == 1 else f"someof({row}, {count})"


def _resized(call: re.Match[str], side: int) -> str:
    # A radius of less than a pixel does nothing, and a factor of 1 neither.
    return f"{call[1]}({max(1.0, float(call[2]) * side / SIDE):.3g})"


@cache
def build_ops(ops: str) -> Compose:
    """The op that makes a variant.

    Args:
        ops: A row of `OPS`.
    """
    made = Plan(f"shots: {ops}").item_op()
    assert isinstance(made, Compose)  # as the shots of every plan
    return made


_PAIRS = "5-7 5-3 5-12 5-14 5-15 5-2 5-9 5-10 5-13 7-3 7-12 7-9 7-2 7-14 12-14 2-12 2-15 10-12 10-14 3-12"
_FOURS = (
    "5-7-3-12 5-7-3-14 5-7-12-14 5-3-12-14 7-3-12-2 5-7-12-2 5-15-14-12 5-15-2-12 7-9-3-12 5-10-12-14 7-2-15-12 5-7-3-9"
)
MIXES = tuple(tuple(OPS[int(row)] for row in mix.split("-")) for mix in f"{_PAIRS} {_FOURS}".split())
"""Rows that are used together."""

CANDIDATES = (
    Candidate(),
    *(Candidate((row,), use) for row in OPS for use in USES),
    *(Candidate(rows, "views") for rows in MIXES),
)
"""Every candidate: none, then each row of `OPS` in the order of `USES`, then mixes of rows."""
