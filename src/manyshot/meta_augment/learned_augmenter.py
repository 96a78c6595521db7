"""Base class of learned augmenters."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.tasks import Episode, Examples, Source

Space = Literal["items", "features"]
Draws = dict[str, Tensor]
"""Named random numbers, one row per generated example: `{"noise": [T, n * copies, 16]}`."""
Varied = tuple[Tensor, Float[Tensor, "t m"]]
"""Generated examples `[T, n * copies, ...]`, and the weight of each relative to its support example."""


class LearnedAugmenter(nn.Module, ABC):
    """Generates labeled examples of the classes of a support set; how is learned over many tasks.

    Random numbers are drawn apart from their use, as those of an op are: the same draws give the same examples, so an
    example can be generated again, and both sides of a comparison can share the draws. A subclass says what it draws
    (`draw`) and what it generates from that (`vary`); labels, weights, origins and layout are the same for all.

    An augmenter sees the support alone, and is equivariant in the order of classes and of examples. Generated examples
    are differentiable in its parameters and in the support's examples.
    """

    space: ClassVar[Space]
    """What it takes and generates: "items", as a source holds them, or "features" of an encoder."""

    through_learner: ClassVar[bool] = True
    """Whether it is trained by the query loss of a learner; else by `standalone_loss`."""

    reads: str | None = None
    """Encoder of sentences whose vectors of what is said of classes it needs; None if it needs none."""

    speaks: tuple[str, int] | None = None
    """Language, and number of voices that say the names of classes for it; None if it needs none."""

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: Any) -> "LearnedAugmenter":  # noqa: ANN401 - of the constructor
        """Build an augmenter for examples of a shape, with weights from torch's global generator.

        Args:
            shape: Shape of an example: (c, h, w) for images, or (d,) for features.
            **options: Options of the constructor.

        Raises:
            InputError: If the augmenter is not for such examples, or an option is out of range.
        """
        if cls.space == "features" and len(shape) != 1:
            raise InputError(f"examples of shape {shape} for an augmenter of features; encode them first")
        if cls.space == "items" and len(shape) != 3:
            raise InputError(f"examples of shape {shape} for an augmenter of images; use an augmenter of features")
        return cls(shape[0], **options)

    @abstractmethod
    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw all random numbers for `copies` generated examples per support example.

        Args:
            support: Support of T tasks with n examples each; only its sizes matter.
            copies: Number of generated examples per support example.
            generator: Random generator on the CPU.
        """

    @abstractmethod
    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Generate the examples that belong to some draws.

        Args:
            support: Support of T tasks with n examples each.
            copies: Number of generated examples per support example.
            draws: Random numbers from `draw`.
            context: Support set that conditions the augmenter.

        Returns:
            Examples `[T, n * copies, ...]`, those of support example i from `i * copies` on, and the weight of each
            relative to its support example.
        """

    def make(self, support: Examples, copies: int, generator: Generator, context: Examples | None = None) -> Examples:
        """Generate several examples per support example, see `manyshot.augment.Augmenter`.

        Args:
            support: Support of T tasks.
            copies: Number of generated examples per support example.
            generator: Random generator of all draws; the same state gives the same examples.
            context: Support set that conditions the augmenter, such as another task's to test whether it matters; the
                support itself if None.
        """
        return self.replay(support, copies, self.draw(support, copies, generator), context)

    def replay(self, support: Examples, copies: int, draws: Draws, context: Examples | None = None) -> Examples:
        """Generate the labeled, weighted examples that belong to some draws.

        Args:
            support: Support of T tasks.
            copies: Number of generated examples per support example.
            draws: Random numbers from `draw`.
            context: Support set that conditions the augmenter; the support itself if None.
        """
        cast = {name: _like(drawn, support.weight) for name, drawn in draws.items()}
        items, weight = self.vary(support, copies, cast, support if context is None else context)
        tasks, n = support.weight.shape
        origin = torch.arange(n, device=support.weight.device).repeat_interleave(copies)
        return Examples(
            items=items,
            labels=support.labels.repeat_interleave(copies, 1),
            weight=weight * support.weight.repeat_interleave(copies, 1),
            class_mask=support.class_mask,
            origin=origin.expand(tasks, -1),
        )

    def fit_statistics(self, source: Source) -> None:
        """Estimate fixed statistics on the classes to train on; called once before training (default: no-op).

        Args:
            source: Source of examples or of features, depending on `space`.
        """

    @property
    def replaces_query_loss(self) -> bool:
        """Whether `learner_loss` is all that it is trained by, instead of an addition to the query loss."""
        return False

    def learner_loss(
        self, learner: Learner, episode: Episode, draws: Draws, generator: Generator
    ) -> Float[Tensor, ""] | None:
        """What is added to the query loss, or takes its place (default: None, nothing).

        Args:
            learner: Frozen learner, of examples or of features as `space` says.
            episode: T clean tasks in this space.
            draws: Draws of the generated examples.
            generator: Random generator of further draws.
        """
        return None

    def standalone_loss(self, episode: Episode, generator: Generator) -> Float[Tensor, ""]:
        """Loss of an augmenter that is not trained by a learner's loss (`through_learner` is False).

        Args:
            episode: T tasks of examples or of features.
            generator: Random generator of the draws.
        """
        raise NotImplementedError(f"{type(self).__name__} is trained by a learner's loss")


def _like(drawn: Tensor, weight: Tensor) -> Tensor:
    """Move numbers to the device of the support and, if they are floating-point, to its type."""
    return drawn.to(weight.device, weight.dtype if drawn.is_floating_point() else None)
