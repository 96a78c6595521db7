"""What an augmenter sees of a task: its classes and the task as a whole, in any order of classes and items."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.tasks import Examples


class Context(NamedTuple):
    """A support set as a few vectors.

    Args:
        classes: `[T, ways, d]` of each class; zeros for a class that the task lacks.
        task: `[T, d]` of the task.
        spread: `[T]` how far the items lie from the task's, so that a network can work in units of it.
        shots: `[T, ways]` how many items a class has, counted by weight.
    """

    classes: Float[Tensor, "t ways d"]
    task: Float[Tensor, "t d"]
    spread: Float[Tensor, " t"]
    shots: Float[Tensor, "t ways"]


def class_context(features: Float[Tensor, "t n d"], support: Examples) -> tuple[Tensor, Tensor]:
    """The mean of each class and the mean of the classes; items of weight 0 count nothing.

    m_k = sum_i w_i y_ik z_i / sum_i w_i y_ik,   m = mean over the classes present of m_k

    Args:
        features: z, of each support item.
        support: its labels and weights.

    Returns:
        `[T, ways, d]` and `[T, d]`: the first follows the order of the classes, neither that of the items.

    Example:
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.zeros(1, 3, 1), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> class_context(torch.tensor([[[1.0], [2.0], [4.0]]]), support)
        (tensor([[[1.],
                 [3.]]]), tensor([[2.]]))
    """
    mass = support.labels * support.weight[..., None]
    total = mass.sum(1)
    classes = mass.mT @ features / total[..., None].clamp(min=1e-12)
    there = (support.class_mask & (total > 0)).to(features.dtype)[..., None]
    return classes * there, (classes * there).sum(1) / there.sum(1).clamp(min=1)


def task_context(features: Float[Tensor, "t n d"], support: Examples) -> Context:
    """`class_context`, with the spread of the items and the shots of each class.

    spread^2 = sum_i w_i ||z_i - m||^2 / (d sum_i w_i)

    Example:
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.zeros(1, 3, 1), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> task_context(torch.tensor([[[1.0], [3.0], [3.0]]]), support).shots
        tensor([[1., 2.]])
    """
    classes, task = class_context(features, support)
    weight = support.weight
    squares = (features - task[:, None]).square().mean(-1) * weight
    spread = (squares.sum(1) / weight.sum(1).clamp(min=1e-12)).clamp(min=1e-12).sqrt()
    return Context(classes, task, spread, (support.labels * weight[..., None]).sum(1))


def per_example(by_class: Float[Tensor, "t ways d"], labels: Float[Tensor, "t n ways"]) -> Float[Tensor, "t n d"]:
    """What is known of each item's class, by its shares where its label is soft.

    Example:
        >>> per_example(torch.tensor([[[1.0], [3.0]]]), torch.tensor([[[0.5, 0.5], [0.0, 1.0]]]))[..., 0]
        tensor([[2., 3.]])
    """
    return labels @ by_class


def gaussian(
    tasks: int, n: int, copies: int, size: int, generator: torch.Generator, antithetic: bool = True
) -> Float[Tensor, "t m size"]:
    """Standard normal noise for the copies of n items, laid out as they are.

    Antithetic draws come in pairs of a vector and its negative, so that over the copies of an item the noise has the
    mean 0 exactly (an odd one out aside): each is still standard normal, and estimates vary less.

    Example:
        >>> noise = gaussian(1, 3, 4, 2, torch.Generator().manual_seed(0))
        >>> noise.shape, bool((noise.reshape(3, 4, 2).sum(1).abs() < 1e-6).all())
        (torch.Size([1, 12, 2]), True)
    """
    pairs = copies // 2 if antithetic else 0
    drawn = torch.randn(tasks, n, copies - pairs, size, generator=generator)
    return torch.cat([drawn, -drawn[:, :, :pairs]], 2).flatten(1, 2)
