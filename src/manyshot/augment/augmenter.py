"""What a plan asks of a learned augmenter, which is trained and kept elsewhere."""

from typing import Protocol, runtime_checkable

from torch import Generator

from manyshot.tasks import Examples

LEARNED = "learned"
"""The word of a plan that stands for the augmenter that the plan is given."""


@runtime_checkable
class Augmenter(Protocol):
    """Makes labelled items of the classes of a support set, looking at nothing else.

    Example:
        >>> import torch
        >>> from dataclasses import replace
        >>> from manyshot.augment.image import Noise
        >>> from manyshot.augment.ops.variants import variants
        >>> class Grainy:
        ...     space = "items"
        ...     def make(self, support, copies, generator):
        ...         return variants(support, Noise(), copies, generator)
        >>> isinstance(Grainy(), Augmenter)
        True
    """

    @property
    def space(self) -> str:
        """What it takes and makes: "items", as a source holds them, or "features" of an encoder."""
        ...

    def make(self, support: Examples, copies: int, generator: Generator) -> Examples:
        """Make several items of each support item.

        Equivariant in the order of classes and of items; the same state of the generator gives the same items.

        Args:
            support: of T tasks; items `[T, n, c, h, w]`, from 0 to 1, or vectors `[T, n, d]`.
            copies: made items of each support item.
            generator: of all draws.

        Returns:
            The made items alone, `[T, n * copies, ...]`: those of item i stand at `i * copies` and behind, as
            `variants` lays them out, with soft labels, `origin` i, and a weight that is 0 for padding.
        """
        ...
