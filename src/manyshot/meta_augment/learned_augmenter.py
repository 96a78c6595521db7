"""What every learned augmenter is."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.tasks import Episode, Examples, Source

Space = Literal["items", "features"]
Draws = dict[str, Tensor]
"""Named random numbers, one row a made item: `{"noise": [T, n * copies, 16]}`."""


class LearnedAugmenter(nn.Module, ABC):
    """Makes labelled items of the classes of a support set; what it makes is learned over many tasks.

    Random numbers are drawn apart from being used, as those of an op are: the same draws give the same items, so that
    a made item can be made again, and both sides of a comparison can share them. A method says what it draws and what
    it makes of that; labels, weights, origins and the layout are the same for all.

    It looks at the support alone, and at no number of a class: in another order of classes or items it makes the same,
    in that order. Made items can be differentiated by its parameters and by the support's items.
    """

    space: ClassVar[Space]
    """What it takes and makes: "items", as a source holds them, or "features" of an encoder."""

    through_learner: ClassVar[bool] = True
    """Whether it learns from the loss of a learner on the query; else from `standalone_loss`."""

    @abstractmethod
    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """All random numbers of `copies` made items of each support item.

        Args:
            support: of T tasks of n items; its sizes alone play a part.
            copies: made items of each.
            generator: on the CPU, as all of the package.
        """

    @abstractmethod
    def vary(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> tuple[Tensor, Float[Tensor, "t m"]]:
        """Make the items that the draws stand for.

        Args:
            support: of T tasks of n items.
            copies: made items of each.
            draws: from `draw`.
            context: the support set to look at.

        Returns:
            Items `[T, n * copies, ...]`, those of item i from `i * copies` on, and the weight of each as a share of
            its item's.
        """

    def make(self, support: Examples, copies: int, generator: Generator, context: Examples | None = None) -> Examples:
        """Make several items of each support item, see `manyshot.augment.Augmenter`.

        Args:
            support: of T tasks.
            copies: made items of each support item.
            generator: of all draws; the same state gives the same items.
            context: another support set to look at, such as another task's, to see whether it matters; the support
                itself if None.
        """
        return self.replay(support, copies, self.draw(support, copies, generator), context)

    def replay(self, support: Examples, copies: int, draws: Draws, context: Examples | None = None) -> Examples:
        """Make the items that some draws stand for, see `make`."""
        own = {name: _like(drawn, support.weight) for name, drawn in draws.items()}
        items, share = self.vary(support, copies, own, support if context is None else context)
        tasks, n = support.weight.shape
        origin = torch.arange(n, device=support.weight.device).repeat_interleave(copies)
        return Examples(
            items=items,
            labels=support.labels.repeat_interleave(copies, 1),
            weight=share * support.weight.repeat_interleave(copies, 1),
            class_mask=support.class_mask,
            origin=origin.expand(tasks, -1),
        )

    def look_at(self, source: Source) -> None:
        """What a training calls once, with the classes to learn from; nothing, as a rule.

        Args:
            source: of items or of features, as `space` says.
        """

    def standalone_loss(self, episode: Episode, generator: Generator) -> Float[Tensor, ""]:
        """What it learns from where that is no learner's loss (`through_learner` is False).

        Args:
            episode: T tasks of items or of features.
            generator: of the draws.
        """
        raise NotImplementedError(f"{type(self).__name__} learns through a learner")


def _like(drawn: Tensor, weight: Tensor) -> Tensor:
    """Numbers on the device of the support and, unless they count something, in its type."""
    return drawn.to(weight.device, weight.dtype if drawn.is_floating_point() else None)
