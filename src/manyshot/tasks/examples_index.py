"""Where the items of a class stand in an episode, so that items of different tasks or sides can be paired."""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from manyshot.tasks.episode import Examples


def place_of(
    examples: Examples, way: Int[Tensor, "t m"], number: Int[Tensor, "t m"]
) -> tuple[Int[Tensor, "t m"], Bool[Tensor, "t m"]]:
    """Find items by class and number within the class.

    Args:
        examples: T tasks; items of weight 0 are passed over.
        way: the class asked for.
        number: which of its items, modulo how many it has.

    Returns:
        The places of the items, and whether the class has any.

    Example:
        >>> labels = torch.eye(2)[[0, 1, 0, 1]][None]
        >>> side = Examples(torch.zeros(1, 4, 2), labels, torch.ones(1, 4), torch.ones(1, 2) > 0)
        >>> place_of(side, torch.tensor([[0, 1]]), torch.tensor([[1, 2]]))[0]
        tensor([[2, 1]])
    """
    ways = examples.class_mask.shape[1]
    of = torch.where(examples.weight > 0, examples.class_ids, ways)
    order = of.argsort(dim=1, stable=True)
    counts = torch.nn.functional.one_hot(of, ways + 1).sum(1)
    starts = counts.cumsum(1) - counts
    count = counts.gather(1, way)
    place = starts.gather(1, way) + number % count.clamp(min=1)
    return order.gather(1, place.clamp(max=order.shape[1] - 1)), count > 0


def number_in_class(examples: Examples) -> Int[Tensor, "t n"]:
    """Which item of its class each item is, from 0, those of weight 0 not counted.

    Example:
        >>> labels = torch.eye(2)[[0, 1, 0, 1]][None]
        >>> number_in_class(Examples(torch.zeros(1, 4, 2), labels, torch.ones(1, 4), torch.ones(1, 2) > 0))
        tensor([[0, 0, 1, 1]])
    """
    of = (
        torch.nn.functional.one_hot(examples.class_ids, examples.class_mask.shape[1]) * (examples.weight > 0)[..., None]
    )
    before = of.cumsum(1) - of
    return before.gather(2, examples.class_ids[..., None])[..., 0]


def any_item(examples: Examples, drawn: Float[Tensor, "t m"]) -> Int[Tensor, "t m"]:
    """Choose among a task's items of weight above 0.

    Args:
        examples: T tasks.
        drawn: from 0 up to 1; every item is as likely for a uniform draw.

    Example:
        >>> weight = torch.tensor([[1.0, 0.0, 1.0]])
        >>> side = Examples(torch.zeros(1, 3, 2), torch.eye(3)[None], weight, torch.ones(1, 3) > 0)
        >>> any_item(side, torch.tensor([[0.1, 0.9]]))
        tensor([[0, 2]])
    """
    there = examples.weight > 0
    order = (~there).long().argsort(dim=1, stable=True)
    count = there.sum(1, keepdim=True).clamp(min=1)
    return order.gather(1, torch.minimum((drawn.to(there.device) * count).long(), count - 1))


def gather_items(items: Shaped[Tensor, "t n ..."], place: Int[Tensor, "t m"]) -> Shaped[Tensor, "t m ..."]:
    """The items of each task at the given places.

    Example:
        >>> gather_items(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[1, 1, 0]]))[..., 0]
        tensor([[2., 2., 1.]])
    """
    return items[torch.arange(len(items), device=items.device)[:, None], place]
