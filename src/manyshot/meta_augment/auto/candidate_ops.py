"""What `auto` chooses from: how many of the variants of an example each of a list of ops makes."""

import re
from dataclasses import dataclass
from functools import cache

from jaxtyping import Float, Int
from torch import Tensor

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose

VARIANTS = 16
"""Variants of an example that a plan makes."""
PROBES = 1
"""Variants of an example under each op that are looked at before a plan is chosen."""

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
    "flip",
    "flip crop(0.25, padding_mode=reflection)",
    "flip resized_crop(0.7) brightness(0.2) contrast(0.2)",
    "downscale(3) sharpness(0.8)",
    "perspective(0.3, padding_mode=reflection)",
    "gamma(1.8) temperature(0.3)",
)
"""The ops, as a plan writes them. Strengths in pixels are for pictures of `SIDE` pixels."""

SIDE = 64
"""Height and width of the pictures to which ops are applied, in pixels."""

IN_PIXELS = ("stroke", "blur")
"""Ops of the menu whose first option is in pixels."""


@dataclass(frozen=True)
class OpShares:
    """A plan that makes some of the variants of an example by each op.

    All variants of an example together weigh as much as itself, and a new example is replaced by itself and as many
    variants, whose predictions are averaged.

    Args:
        counts: Variants under each op of `OPS`.
    """

    counts: tuple[int, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """The op of each variant, as a plan writes it."""
        return tuple(row for row, count in zip(OPS, self.counts, strict=True) for _ in range(count))

    def rows_for(self, side: int) -> tuple[str, ...]:
        """The op of each variant, for pictures of another size: strengths in pixels grow with it.

        Args:
            side: Height or width of the pictures, the smaller one, in pixels.

        Example:
            >>> OpShares(tuple(int(row == "blur(2) noise(0.1)") for row in OPS)).rows_for(224)
            ('blur(7) noise(0.1)',)
        """
        pattern = rf"\b({'|'.join(IN_PIXELS)})\(([\d.]+)\)"
        return tuple(re.sub(pattern, lambda found: _resized(found, side), row) for row in self.rows)

    @property
    def plan(self) -> Plan:
        """The mix as a plan for pictures of `SIDE` pixels.

        Example:
            >>> OpShares(tuple(2 * (row == "flip") + (row == "stroke(2)") for row in OPS)).plan
            Plan('shots: 3 x oneof(stroke(2) flip flip) weight 0.333; query: 4 x oneof(stroke(2) flip flip, p=0.75)')
        """
        return self.plan_for(SIDE)

    def plan_for(self, side: int) -> Plan:
        """The mix as a plan for pictures of another size: strengths in pixels grow with it.

        Args:
            side: Height or width of the pictures, the smaller one, in pixels.

        Example:
            >>> print(OpShares(tuple(int(row == "stroke(2)") for row in OPS)).plan_for(224))
            shots: 1 x oneof(stroke(7)) weight 1; query: 2 x oneof(stroke(7), p=0.5)
        """
        rows = self.rows_for(side)
        made, count = " ".join(map(_as_one, rows)), len(rows)
        # One view is the new example itself.
        views = f"query: {count + 1} x oneof({made}, p={count / (count + 1):.3g})"
        return Plan(f"shots: {count} x oneof({made}) weight {1 / count:.3g}; {views}")


def allot(weights: Float[Tensor, "b ops"], variants: int = VARIANTS) -> Int[Tensor, "b ops"]:
    """Share variants among ops by their weights, in whole numbers: by largest remainders.

    Args:
        weights: Weights of the ops, which add up to 1.
        variants: Variants of an example.

    Example:
        >>> import torch
        >>> allot(torch.tensor([[0.5, 0.3, 0.2]]), 4)
        tensor([[2, 1, 1]])
    """
    exact = variants * weights.double()
    whole = (exact + 1e-6).floor()
    left = variants - whole.sum(1, keepdim=True)
    rank = (exact - whole).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return (whole + (rank < left)).long()


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
