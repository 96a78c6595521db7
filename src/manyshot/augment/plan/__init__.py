"""Plans: the one-line language that says which augmentation acts where."""

from manyshot.augment.plan.plan import Plan
from manyshot.augment.plan.presets import PRESETS

__all__ = ["PRESETS", "Plan"]
