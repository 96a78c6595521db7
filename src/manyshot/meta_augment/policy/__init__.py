"""Learned policies: which ops act on an image, how often and how strongly, as a function of the support set."""

from manyshot.meta_augment.policy.policy import ContextFreePolicy, OpPolicy

__all__ = ["ContextFreePolicy", "OpPolicy"]
