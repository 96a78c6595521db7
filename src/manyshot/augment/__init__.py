"""Augmentation that is given: ops on items, plans that say where they act, and the language of plans."""

from manyshot.augment.augmenter import Augmenter
from manyshot.augment.ops.choose import OneOf, SomeOf
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import Op, Params, take
from manyshot.augment.ops.variants import pool_variants
from manyshot.augment.plan.describe import describe_ops
from manyshot.augment.plan.plan import Plan
from manyshot.augment.plan.presets import PRESETS
from manyshot.augment.registry import NAMED, OPS

__all__ = [
    "NAMED",
    "OPS",
    "PRESETS",
    "Augmenter",
    "Compose",
    "OneOf",
    "Op",
    "Params",
    "Plan",
    "SomeOf",
    "Sometimes",
    "describe_ops",
    "pool_variants",
    "take",
]
