"""Augmentation that is learned across tasks: augmenters, what they look at, and how they get their gradients."""

from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter
from manyshot.meta_augment.registry import AUGMENTERS, AugmenterOptions, parse_augmenter
from manyshot.meta_augment.support_context import class_context

__all__ = [
    "AUGMENTERS",
    "AugmenterOptions",
    "Draws",
    "LearnedAugmenter",
    "class_context",
    "parse_augmenter",
]
