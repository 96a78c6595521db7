"""Augmentation that is given: ops on items, plans that say where they act, and the language of plans."""

from manyshot.augment.compose import Compose, Sometimes
from manyshot.augment.describe import describe_ops
from manyshot.augment.image import OPS
from manyshot.augment.op import Op, Params, take
from manyshot.augment.plan import Plan
from manyshot.augment.presets import PRESETS
from manyshot.augment.variants import pool_variants

__all__ = ["OPS", "PRESETS", "Compose", "Op", "Params", "Plan", "Sometimes", "describe_ops", "pool_variants", "take"]
