"""The interface of a learned augmenter to plans."""

from typing import Protocol, runtime_checkable

from torch import Generator

from manyshot.tasks import Examples

LEARNED = "learned"
"""The word of a plan that stands for its augmenter."""


@runtime_checkable
class Augmenter(Protocol):
    """Generates labeled examples of the classes of a support set, from the support set alone.

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
        """What it takes and generates: "items", as a source holds them, or "features" of an encoder."""
        ...

    def make(self, support: Examples, copies: int, generator: Generator) -> Examples:
        """Generate several examples per support example.

        It is equivariant in the order of classes and of examples; the same state of the generator gives the same
        result.

        Args:
            support: Support sets of T tasks, with items `[T, n, c, h, w]`, from 0 to 1, or vectors `[T, n, d]`.
            copies: Number of generated examples per support example.
            generator: Random numbers for all draws.

        Returns:
            The generated examples alone, `[T, n * copies, ...]`: those of example i start at `i * copies`, as in
            `variants`, with soft labels, `origin` i, and weight 0 for padding.
        """
        ...
