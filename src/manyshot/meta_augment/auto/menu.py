"""What `auto` chooses from: ops, and how their variants are used."""

import re
from dataclasses import dataclass
from functools import cache

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose

COPIES = 3
"""Variants of an example that a plan of the menu makes."""
PROBES = 2
"""Variants of an example that are looked at before a plan is chosen."""

_POSE = "affine(15, 1.2, 0.1, 0.05, padding_mode=reflection)"

OPS = (
    "flip",
    "flip turn",
    _POSE,
    "affine(180, 1.1, 0, 0.05, padding_mode=reflection)",
    "affine(0, 1.5, 0, 0, padding_mode=reflection)",
    "crop(0.6)",
    "resized_crop(0.4)",
    "affine(10, 1.2, 0.2, 0.1, padding_mode=reflection) elastic(0.07, padding_mode=reflection)",
    "stroke(2)",
    "brightness(0.4) contrast(0.4)",
    "hue(0.5) saturation(0.5)",
    "invert",
    "blur(2)",
    "noise(0.15)",
    "erase(0.3)",
    "flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3) hue(0.05)",
    f"flip crop(0.6) {_POSE}",
    "trivialaugment",
    "randaugment",
)
"""The ops, as a plan writes them. Strengths in pixels are for pictures of `SIDE` pixels."""

SIDE = 64
"""Height and width of the pictures to which ops are applied, in pixels."""

IN_PIXELS = ("stroke", "blur")
"""Ops of the menu whose first option is in pixels."""

USES = {"light": 1.0, "heavy": float(COPIES), "views": 1.0}
"""How variants are used, and the weight of all variants of an example together, which has weight 1: as shots, as shots
that outweigh the example, or as shots and, for a new example, by the mean over it and its variants."""


@dataclass(frozen=True)
class Candidate:
    """Ops and how their variants are used.

    Args:
        ops: Ops, as a plan writes them; empty for no augmentation.
        use: One of `USES`; empty for no augmentation.
    """

    ops: str = ""
    use: str = ""

    @property
    def plan(self) -> Plan:
        """The candidate as a plan for pictures of `SIDE` pixels.

        Example:
            >>> Candidate("flip", "light").plan
            Plan('shots: 3 x flip weight 0.333')
            >>> Candidate("blur(2)", "views").plan
            Plan('shots: 3 x blur(2) weight 0.333; query: 4 x oneof(blur(2), p=0.75)')
        """
        return self.plan_for(SIDE)

    def plan_for(self, side: int) -> Plan:
        """The candidate as a plan for pictures of another size: strengths in pixels grow with it.

        Args:
            side: Height or width of the pictures, the smaller one, in pixels.

        Example:
            >>> Candidate("stroke(2)", "heavy").plan_for(224)
            Plan('shots: 3 x stroke(7)')
        """
        if not self.ops:
            return Plan()
        ops = re.sub(rf"\b({'|'.join(IN_PIXELS)})\((\d+)\)", lambda found: _resized(found, side), self.ops)
        weight = USES[self.use] / COPIES
        shots = f"shots: {COPIES} x {ops}" + (f" weight {weight:.3g}" if weight != 1 else "")
        if self.use != "views":
            return Plan(shots)
        # One view in four is the query itself.
        chosen = f"{COPIES / (COPIES + 1):.3g}"
        count = len(build_ops(self.ops).ops)
        views = f"oneof({ops}, p={chosen})" if count == 1 else f"someof({ops}, {count}, p={chosen})"
        return Plan(f"{shots}; query: {COPIES + 1} x {views}")


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


CANDIDATES = (Candidate(), *(Candidate(ops, use) for ops in OPS for use in USES))
"""Every candidate: none, then those of each row of `OPS` in the order of `USES`."""
