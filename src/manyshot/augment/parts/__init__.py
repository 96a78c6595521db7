"""Ops on examples of several parts: joint ops, which change several parts by one draw, and mixes of all parts."""

from manyshot.augment.mix import Mix
from manyshot.augment.ops.op import Op
from manyshot.augment.parts.drop import Drop
from manyshot.augment.parts.joint_op import JointOp
from manyshot.augment.parts.mirror import Mirror
from manyshot.augment.parts.mixgen import MixGen
from manyshot.augment.parts.swap_within_class import SwapWithinClass

OPS: dict[str, type[Op]] = {"mirror": Mirror, "drop": Drop}
"""Joint ops by their names in a plan."""
PART_MIXES: dict[str, type[Mix]] = {"mixgen": MixGen, "swap_within_class": SwapWithinClass}
"""Mixes of several parts by their names in a plan; mixup takes several parts as well."""

__all__ = ["OPS", "PART_MIXES", "Drop", "JointOp", "Mirror", "MixGen", "SwapWithinClass"]
