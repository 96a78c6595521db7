"""What `auto` chooses from: ops, and how their variants are used."""

from dataclasses import dataclass
from functools import cache

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose

COPIES = 4
"""Variants of an example that a plan of the menu makes."""
PROBES = 2
"""Variants of an example that are looked at before a plan is chosen."""

_POSE = "affine(10, 1.1, 0.1, 0.05, padding_mode=reflection)"
_CAMERA = "flip resized_crop(0.5) brightness(0.3) contrast(0.3) saturation(0.3) hue(0.05)"

OPS = (
    "flip",
    "flip flip_vertical",
    "flip turn",
    _POSE,
    "affine(25, 1.3, 0.2, 0.1, padding_mode=reflection)",
    "affine(180, 1.1, 0, 0.05, padding_mode=reflection)",
    "affine(0, 1.5, 0, 0, padding_mode=reflection)",
    "crop(0.25, padding_mode=reflection)",
    "crop(0.6)",
    "resized_crop(0.3)",
    "flip resized_crop(0.6)",
    "elastic(0.1, padding_mode=reflection)",
    "affine(10, 1.2, 0.2, 0.1, padding_mode=reflection) elastic(0.07, padding_mode=reflection)",
    "perspective(0.3, padding_mode=reflection)",
    "stroke(2)",
    "brightness(0.4) contrast(0.4)",
    "hue(0.1) saturation(0.5)",
    "hue(0.5)",
    "temperature(0.4)",
    "grayscale",
    "invert",
    "gamma(2)",
    "bias_field(0.5)",
    "equalize(1)",
    "noise(0.15)",
    "blur(2)",
    "downscale(3)",
    "erase(0.3)",
    _CAMERA,
    f"flip crop(0.6) {_POSE}",
    "trivialaugment",
    "randaugment",
)
"""The ops, as a plan writes them. Strengths in pixels are for pictures of `SIDE` pixels."""

SIDE = 64
"""Height and width of the pictures to which ops are applied, in pixels."""

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
        """The candidate as a plan.

        Example:
            >>> Candidate("flip", "light").plan
            Plan('shots: 4 x flip weight 0.25')
            >>> Candidate("blur(2)", "views").plan
            Plan('shots: 4 x blur(2) weight 0.25; query: 5 x oneof(blur(2), p=0.8)')
        """
        if not self.ops:
            return Plan()
        shots = f"shots: {COPIES} x {self.ops} weight {USES[self.use] / COPIES:g}"
        if self.use != "views":
            return Plan(shots)
        # One view in five is the query itself.
        chosen = f"{COPIES / (COPIES + 1):g}"
        count = len(build_ops(self.ops).ops)
        views = f"oneof({self.ops}, p={chosen})" if count == 1 else f"someof({self.ops}, {count}, p={chosen})"
        return Plan(f"{shots}; query: {COPIES + 1} x {views}")


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
