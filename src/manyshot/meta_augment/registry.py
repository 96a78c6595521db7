"""The augmenters that a run can name, with their options: one row a method."""

from typing import ClassVar, Protocol, runtime_checkable

from manyshot.base.registry import Registry
from manyshot.meta_augment.calibration import CalibrationOptions
from manyshot.meta_augment.deformation import DeformationOptions
from manyshot.meta_augment.embedding_noise import EmbeddingNoiseOptions
from manyshot.meta_augment.feature_vae import FeatureVAEOptions
from manyshot.meta_augment.hallucinator import HallucinatorOptions
from manyshot.meta_augment.learned_augmenter import LearnedAugmenter, Space
from manyshot.meta_augment.multiplicative_noise import MultiplicativeNoiseOptions
from manyshot.meta_augment.policy.policy import ContextFreePolicyOptions, PolicyOptions
from manyshot.meta_augment.shift import ShiftOptions


@runtime_checkable
class AugmenterOptions(Protocol):
    """The options of an augmenter; makes it once the shape of an item is known."""

    space: ClassVar[Space]
    """That of the augmenter, known before the shape is."""

    def make(self, shape: tuple[int, ...]) -> LearnedAugmenter:
        """Build the augmenter, with weights from torch's global generator.

        Args:
            shape: of an item: (c, h, w), or (d,) of a feature.

        Raises:
            InputError: if it is not made for such items.
        """
        ...


AUGMENTERS: Registry[AugmenterOptions] = Registry(
    "augmenter",
    {
        "hallucinator": HallucinatorOptions,
        "feature-vae": FeatureVAEOptions,
        "calibration": CalibrationOptions,
        "multiplicative": MultiplicativeNoiseOptions,
        "embedding-noise": EmbeddingNoiseOptions,
        "shift": ShiftOptions,
        "policy": PolicyOptions,
        "context-free": ContextFreePolicyOptions,
        "deformation": DeformationOptions,
    },
    group="manyshot.augmenters",
)
"""Every augmenter by its name; its options are the fields of the class."""


def parse_augmenter(text: str) -> AugmenterOptions:
    """Read an augmenter, such as "hallucinator(noise=16)".

    Raises:
        InputError: if it or an option is unknown, or a value out of range.

    Example:
        >>> parse_augmenter("hallucinator(noise=8)").noise
        8
    """
    return AUGMENTERS.parse(text).build()
