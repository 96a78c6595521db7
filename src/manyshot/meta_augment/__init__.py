"""Augmentation that is learned across tasks: augmenters, what they look at, and how they get their gradients."""

from manyshot.meta_augment.augmenter import Draws, LearnedAugmenter
from manyshot.meta_augment.context import class_context
from manyshot.meta_augment.table import AUGMENTERS, AugmenterOptions, parse_augmenter

__all__ = [
    "AUGMENTERS",
    "AugmenterOptions",
    "Draws",
    "LearnedAugmenter",
    "class_context",
    "parse_augmenter",
]
