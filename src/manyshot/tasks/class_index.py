"""Indices of examples by class, so that examples of different tasks or sides can be paired."""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from manyshot.tasks.episode import Examples


def index_of(
    examples: Examples, class_ids: Int[Tensor, "t m"], rank: Int[Tensor, "t m"]
) -> tuple[Int[Tensor, "t m"], Bool[Tensor, "t m"]]:
    """Find examples by class and rank within the class.

    Args:
        examples: Examples of T tasks; those of weight 0 are skipped.
        class_ids: Classes to look up.
        rank: Rank of the example in its class, modulo the number of its examples.

    Returns:
        The indices of the examples, and a mask that is False where the class has none.

    Example:
        >>> side = Examples.of(torch.zeros(1, 4, 2), torch.tensor([0, 1, 0, 1]))
        >>> index_of(side, torch.tensor([[0, 1]]), torch.tensor([[1, 2]]))[0]
        tensor([[2, 1]])
    """
    ways = examples.class_mask.shape[1]
    real_class = torch.where(examples.weight > 0, examples.class_ids, ways)
    order = real_class.argsort(dim=1, stable=True)
    counts = torch.nn.functional.one_hot(real_class, ways + 1).sum(1)
    starts = counts.cumsum(1) - counts
    count = counts.gather(1, class_ids)
    index = starts.gather(1, class_ids) + rank % count.clamp(min=1)
    return order.gather(1, index.clamp(max=order.shape[1] - 1)), count > 0


def rank_in_class(examples: Examples) -> Int[Tensor, "t n"]:
    """Rank of each example among those of its class, from 0; examples of weight 0 are not counted.

    Example:
        >>> rank_in_class(Examples.of(torch.zeros(1, 4, 2), torch.tensor([0, 1, 0, 1])))
        tensor([[0, 0, 1, 1]])
    """
    one_hot = torch.nn.functional.one_hot(examples.class_ids, examples.class_mask.shape[1])
    one_hot = one_hot * (examples.weight > 0)[..., None]
    before = one_hot.cumsum(1) - one_hot
    return before.gather(2, examples.class_ids[..., None])[..., 0]


def uniform_index(examples: Examples, draws: Float[Tensor, "t m"]) -> Int[Tensor, "t m"]:
    """Choose among the examples of each task, except those of weight 0.

    Args:
        examples: Examples of T tasks.
        draws: Numbers in [0, 1); uniform ones choose every example with the same probability.

    Example:
        >>> weight = torch.tensor([[1.0, 0.0, 1.0]])
        >>> side = Examples(torch.zeros(1, 3, 2), torch.eye(3)[None], weight, torch.ones(1, 3) > 0)
        >>> uniform_index(side, torch.tensor([[0.1, 0.9]]))
        tensor([[0, 2]])
    """
    real = examples.weight > 0
    order = (~real).long().argsort(dim=1, stable=True)
    count = real.sum(1, keepdim=True).clamp(min=1)
    return order.gather(1, torch.minimum((draws.to(real.device) * count).long(), count - 1))


def gather_items(items: Shaped[Tensor, "t n ..."], index: Int[Tensor, "t m"]) -> Shaped[Tensor, "t m ..."]:
    """Select items of each task by index.

    Example:
        >>> gather_items(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[1, 1, 0]]))[..., 0]
        tensor([[2., 2., 1.]])
    """
    return items[torch.arange(len(items), device=items.device)[:, None], index]
