"""Learned augmenters by name."""

from manyshot.base.registry import Registry
from manyshot.meta_augment.class_name_examples import ExamplesFromNames
from manyshot.meta_augment.deformation import Deformation
from manyshot.meta_augment.distribution_calibration import Calibration
from manyshot.meta_augment.embedding_noise import EmbeddingNoise
from manyshot.meta_augment.feature_shift import Shift
from manyshot.meta_augment.feature_vae import FeatureVAE
from manyshot.meta_augment.hallucinator import Hallucinator
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter
from manyshot.meta_augment.lemda import LeMDA
from manyshot.meta_augment.modals import MODALS
from manyshot.meta_augment.multiplicative_noise import MultiplicativeNoise
from manyshot.meta_augment.policy import ContextFreePolicy, Policy
from manyshot.meta_augment.spoken_names import SpokenNames

AUGMENTERS: Registry[LearnedAugmenter] = Registry(
    "augmenter",
    {
        "hallucinator": Hallucinator,
        "feature-vae": FeatureVAE,
        "calibration": Calibration,
        "multiplicative": MultiplicativeNoise,
        "embedding-noise": EmbeddingNoise,
        "shift": Shift,
        "lemda": LeMDA,
        "modals": MODALS,
        "naming": ExamplesFromNames,
        "spoken-names": SpokenNames,
        "policy": Policy,
        "context-free": ContextFreePolicy,
        "deformation": Deformation,
    },
    base=LearnedAugmenter,
    context=("shape", "features", "channels"),
    group="manyshot.augmenters",
)
"""Every learned augmenter by its name: `AUGMENTERS.parse("hallucinator(noise=8)").build(shape=(64,))`."""
