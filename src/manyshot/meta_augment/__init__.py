"""Learned augmentation: augmenters, their context, and the estimators of their gradients."""

from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter
from manyshot.meta_augment.registry import AUGMENTERS
from manyshot.meta_augment.support_context import class_context

__all__ = [
    "AUGMENTERS",
    "Draws",
    "LearnedAugmenter",
    "class_context",
]
