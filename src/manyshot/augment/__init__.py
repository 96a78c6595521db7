"""Augmentation that is given: ops on items, plans that say where they act, and the language of plans."""

from manyshot.augment.augmenter import Augmenter
from manyshot.augment.choose import OneOf, SomeOf
from manyshot.augment.compose import Compose, Sometimes
from manyshot.augment.describe import describe_ops
from manyshot.augment.op import Op, Params, take
from manyshot.augment.plan import Plan
from manyshot.augment.presets import PRESETS
from manyshot.augment.table import NAMED, OPS
from manyshot.augment.variants import pool_variants

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
