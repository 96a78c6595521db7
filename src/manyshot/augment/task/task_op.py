"""What changes whole tasks: which classes they have, and what their labels are."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.ops.op import Params, fresh_generator
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples


class TaskOp(ABC):
    """Changes the classes or the labels of tasks, the same way in support and query.

    What the two sides share is what is drawn: `sample` draws it once a task, `apply` gives it to both. Every task op
    is a frozen dataclass with a field `p`, the share of tasks that it changes.
    """

    p: float

    @abstractmethod
    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw the params of T tasks; their rows are tasks, or classes task by task."""

    def __call__(self, episode: Episode, generator: Generator | None = None) -> Episode:
        """Draw parameters and change T tasks.

        Args:
            episode: T tasks.
            generator: of the draws, on the CPU; None for one that follows from `torch.manual_seed`.

        Raises:
            InputError: if tasks of this kind cannot be changed so.
        """
        tasks, ways = episode.classes.shape
        return self.apply(episode, self.sample(tasks, ways, generator or fresh_generator()))

    @abstractmethod
    def apply(self, episode: Episode, params: Params) -> Episode:
        """Change T tasks; items may be uint8 pictures, and are left so.

        Raises:
            InputError: if tasks of this kind cannot be changed so.
        """

    def most_ways(self, ways: int) -> int:
        """How many classes a task of at most `ways` has at most afterwards."""
        return ways


def which(p: float, tasks: int, generator: Generator) -> Bool[Tensor, "t"]:
    """Which of T tasks are changed.

    Example:
        >>> which(1.0, 3, torch.Generator())
        tensor([True, True, True])
    """
    return torch.rand(tasks, generator=generator) < p


def require_classes(episode: Episode, op: TaskOp) -> None:
    """Make sure that labels are shares of classes.

    Raises:
        InputError: if they are targets of a regression.
    """
    if not episode.has_classes:
        raise InputError(f"{type(op).__name__} is for tasks with classes, and these have targets; leave it out")


def with_classes(
    side: Examples,
    items: Any,  # noqa: ANN401 - a tensor, or lists for text
    labels: Float[Tensor, "t m new"],
    weight: Float[Tensor, "t m"],
    class_mask: Bool[Tensor, "t new"],
    origin: Int[Tensor, "t m"],
) -> Examples:
    """One side of T tasks with further classes behind those that it has.

    Args:
        side: as it is.
        items: of the new classes, `[T, m, ...]`.
        labels: their shares in the new classes.
        weight: theirs; those of classes that a task lacks must be 0.
        class_mask: which of the new classes each task has.
        origin: the place of the item that each was made of.

    Example:
        >>> side = Examples(torch.rand(1, 2, 8), torch.eye(2)[None], torch.ones(1, 2), torch.ones(1, 2) > 0)
        >>> more = with_classes(side, side.items, side.labels, side.weight, side.class_mask, torch.tensor([[0, 1]]))
        >>> more.labels.shape, more.class_ids
        (torch.Size([1, 4, 4]), tensor([[0, 1, 2, 3]]))
    """
    ways, new = side.class_mask.shape[1], class_mask.shape[1]
    class_mask = torch.cat([side.class_mask, class_mask], 1)
    # Padding has no class at all.
    labels = F.pad(labels * (weight > 0)[..., None], (ways, 0))
    made = Examples(items, labels, weight, class_mask, origin)
    return replace(side, labels=F.pad(side.labels, (0, new)), class_mask=class_mask).joined(made)
