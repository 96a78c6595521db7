"""Descriptions of a support set that do not depend on the order of its classes or examples."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.tasks import Examples


class Context(NamedTuple):
    """A support set as a few vectors.

    Args:
        classes: Mean of each class `[T, ways, d]`; zeros for a class that the task lacks.
        task: Mean of the class means `[T, d]`.
        spread: Root mean square distance of the examples from the task's mean `[T]`, per dimension; a unit of length
            in which a network can work.
        shots: Total weight of the examples of each class `[T, ways]`.
    """

    classes: Float[Tensor, "t ways d"]
    task: Float[Tensor, "t d"]
    spread: Float[Tensor, " t"]
    shots: Float[Tensor, "t ways"]


def class_context(features: Float[Tensor, "t n d"], support: Examples) -> tuple[Tensor, Tensor]:
    """Compute the mean of each class and the mean of the class means, weighted by the examples' weights.

    m_k = sum_i w_i y_ik z_i / sum_i w_i y_ik,   m = mean over the classes present of m_k

    Args:
        features: Features z of the support examples.
        support: Labels and weights of the support examples.

    Returns:
        Class means `[T, ways, d]` (zeros for a class that the task lacks), and their mean `[T, d]`.

    Example:
        >>> support = Examples.of(torch.zeros(1, 3, 1), torch.tensor([0, 1, 1]))
        >>> class_context(torch.tensor([[[1.0], [2.0], [4.0]]]), support)
        (tensor([[[1.],
                 [3.]]]), tensor([[2.]]))
    """
    mass = support.labels * support.weight[..., None]
    total = mass.sum(1)
    classes = mass.mT @ features / total[..., None].clamp(min=1e-12)
    mask = (support.class_mask & (total > 0)).to(features.dtype)[..., None]
    return classes * mask, (classes * mask).sum(1) / mask.sum(1).clamp(min=1)


def task_context(features: Float[Tensor, "t n d"], support: Examples) -> Context:
    """Compute `class_context`, the spread of the examples and the shots of each class.

    spread^2 = sum_i w_i ||z_i - m||^2 / (d sum_i w_i)

    Args:
        features: Features z of the support examples.
        support: Labels and weights of the support examples.

    Example:
        >>> support = Examples.of(torch.zeros(1, 3, 1), torch.tensor([0, 1, 1]))
        >>> task_context(torch.tensor([[[1.0], [3.0], [3.0]]]), support).shots
        tensor([[1., 2.]])
    """
    classes, task = class_context(features, support)
    weight = support.weight
    squares = (features - task[:, None]).square().mean(-1) * weight
    spread = (squares.sum(1) / weight.sum(1).clamp(min=1e-12)).clamp(min=1e-12).sqrt()
    return Context(classes, task, spread, (support.labels * weight[..., None]).sum(1))


def per_example(by_class: Float[Tensor, "t ways d"], labels: Float[Tensor, "t n ways"]) -> Float[Tensor, "t n d"]:
    """Look up a vector of each example's class; soft labels average the vectors of their classes.

    Args:
        by_class: One vector per class.
        labels: Labels of the examples.

    Example:
        >>> per_example(torch.tensor([[[1.0], [3.0]]]), torch.tensor([[[0.5, 0.5], [0.0, 1.0]]]))[..., 0]
        tensor([[2., 3.]])
    """
    return labels @ by_class


def gaussian(
    tasks: int, n: int, copies: int, size: int, generator: torch.Generator, antithetic: bool = True
) -> Float[Tensor, "t m size"]:
    """Draw standard normal noise for the copies of n examples, in the layout of generated examples.

    Antithetic draws come in pairs of a vector and its negative, so the noise of an even number of copies has a mean of
    exactly 0: each draw is still standard normal, and estimates vary less.

    Args:
        tasks: Number of tasks T.
        n: Number of support examples per task.
        copies: Number of generated examples per support example.
        size: Dimension of the noise.
        generator: Random generator on the CPU.
        antithetic: Whether to draw in pairs.

    Example:
        >>> noise = gaussian(1, 3, 4, 2, torch.Generator().manual_seed(0))
        >>> noise.shape, bool((noise.reshape(3, 4, 2).sum(1).abs() < 1e-6).all())
        (torch.Size([1, 12, 2]), True)
    """
    pairs = copies // 2 if antithetic else 0
    drawn = torch.randn(tasks, n, copies - pairs, size, generator=generator)
    return torch.cat([drawn, -drawn[:, :, :pairs]], 2).flatten(1, 2)
