"""The base class of task ops, which change the classes or the labels of whole tasks."""

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
    """Changes the classes or the labels of tasks, in the same way in support and query.

    `sample` draws params once per task, and `apply` uses them for both sides. Every task op is a frozen dataclass with
    a field `p`, the probability that it changes a task.
    """

    p: float

    @abstractmethod
    def sample(self, tasks: int, ways: int, generator: Generator) -> Params:
        """Draw the params of T tasks; their rows are tasks, or the classes of one task after another."""

    def __call__(self, episode: Episode, generator: Generator | None = None) -> Episode:
        """Draw params and change T tasks.

        Args:
            episode: T tasks.
            generator: Random numbers for the draws, on the CPU; None to follow `torch.manual_seed`.

        Raises:
            InputError: If the op cannot change tasks of this kind.
        """
        tasks, ways = episode.classes.shape
        return self.apply(episode, self.sample(tasks, ways, generator or fresh_generator()))

    @abstractmethod
    def apply(self, episode: Episode, params: Params) -> Episode:
        """Change T tasks; uint8 images stay uint8.

        Raises:
            InputError: If the op cannot change tasks of this kind.
        """

    def most_ways(self, ways: int) -> int:
        """The largest number of classes that a task of at most `ways` classes can have afterwards."""
        return ways


def choose_tasks(p: float, tasks: int, generator: Generator) -> Bool[Tensor, "t"]:
    """Draw which of T tasks are changed, each with probability p.

    Example:
        >>> choose_tasks(1.0, 3, torch.Generator())
        tensor([True, True, True])
    """
    return torch.rand(tasks, generator=generator) < p


def require_classes(episode: Episode, op: TaskOp) -> None:
    """Check that labels are class probabilities.

    Raises:
        InputError: If they are targets of a regression.
    """
    if not episode.has_classes:
        raise InputError(f"{type(op).__name__} is for tasks with classes, and these have targets; leave it out")


def add_classes(
    side: Examples,
    items: Any,  # noqa: ANN401 - a tensor, or lists for text
    labels: Float[Tensor, "t m new"],
    weight: Float[Tensor, "t m"],
    class_mask: Bool[Tensor, "t new"],
    origin: Int[Tensor, "t m"],
) -> Examples:
    """Add new classes behind the existing ones to one side of T tasks; nothing is said of them.

    Args:
        side: The support or the query.
        items: Items of the new classes, `[T, m, ...]`.
        labels: Probabilities of the new classes.
        weight: Weights of the new items; 0 for items of classes that a task lacks.
        class_mask: Mask of the new classes that each task has.
        origin: Index of the item that each new item was made from.

    Example:
        >>> side = Examples.of(torch.rand(1, 2, 8), torch.arange(2))
        >>> more = add_classes(side, side.items, side.labels, side.weight, side.class_mask, torch.tensor([[0, 1]]))
        >>> more.labels.shape, more.class_ids
        (torch.Size([1, 4, 4]), tensor([[0, 1, 2, 3]]))
    """
    ways, new = side.class_mask.shape[1], class_mask.shape[1]
    class_mask = torch.cat([side.class_mask, class_mask], 1)
    # Padding has no class at all.
    labels = F.pad(labels * (weight > 0)[..., None], (ways, 0))
    generated = Examples(items, labels, weight, class_mask, origin)
    about = None if side.about is None else F.pad(side.about, (0, 0, 0, new))
    grown = replace(side, labels=F.pad(side.labels, (0, new)), class_mask=class_mask, about=about)
    return grown.joined(generated)
