"""Learned policies of image ops: probabilities and magnitudes as a function of the support set."""

from manyshot.meta_augment.policy.op_policy import OpPolicy
from manyshot.meta_augment.policy.policy import ContextFreePolicy, Policy

__all__ = ["ContextFreePolicy", "OpPolicy", "Policy"]
