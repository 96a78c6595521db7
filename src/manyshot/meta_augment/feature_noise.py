"""What augmenters of features with noise have in common."""

from typing import ClassVar

from torch import Generator

from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space
from manyshot.meta_augment.support_context import gaussian
from manyshot.tasks import Examples


class FeatureNoise(LearnedAugmenter):
    """Base of augmenters that vary features by noise of the features' own dimension; the noise comes in opposite pairs.

    A subclass sets `features` (the dimension) and defines `vary`.
    """

    space: ClassVar[Space] = "features"
    features: int

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the noise of each generated example, in pairs of opposite sign."""
        tasks, n = support.weight.shape
        return {"noise": gaussian(tasks, n, copies, self.features, generator)}
