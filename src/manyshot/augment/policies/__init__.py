"""Policies: published ways to choose ops at random, with the ops and ranges of the papers."""

from manyshot.augment.ops.op import Op
from manyshot.augment.policies.aug_mix import AugMix
from manyshot.augment.policies.rand_augment import RandAugment
from manyshot.augment.policies.trivial_augment import TrivialAugment

POLICIES: dict[str, type[Op]] = {
    "randaugment": RandAugment,
    "trivialaugment": TrivialAugment,
    "augmix": AugMix,
}
"""Every policy by its name in a plan; its options are the fields of the class, the main one first."""

__all__ = ["POLICIES", "AugMix", "RandAugment", "TrivialAugment"]
