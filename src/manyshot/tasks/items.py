"""What can be done with the items of T tasks whatever they are: a tensor, lists of texts, or several parts."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from manyshot.base.sound import from_samples, is_sounds
from manyshot.tasks.parts import Parts

Items = Any
"""The items of T tasks, n each: a tensor `[T, n, ...]`, T lists of n texts, or parts of these; flattened, T * n."""


def floats(items: Items) -> Items:
    """Convert uint8 images to float32 from 0 to 1, int16 sounds to float32 from -1 to 1; leave other items.

    Example:
        >>> floats(torch.tensor([0, 255], dtype=torch.uint8)), floats(torch.tensor([16384], dtype=torch.int16))
        (tensor([0., 1.]), tensor([0.5000]))
    """
    if isinstance(items, Parts):
        return items.with_values(floats)
    if is_sounds(items):
        return from_samples(items)
    return items.float().div_(255) if isinstance(items, Tensor) and items.dtype == torch.uint8 else items


def move_items(items: Items, device: torch.device | str, dtype: torch.dtype | None = None) -> Items:
    """Move items to a device, and floats to a floating-point type if one is given; texts stay where they are.

    Example:
        >>> move_items(torch.zeros(1, 2), "cpu", torch.float64).dtype
        torch.float64
    """
    if isinstance(items, Parts):
        return Parts(
            {name: move_items(value, device, dtype) for name, value in items.values.items()},
            {name: mask.to(device) for name, mask in items.there.items()},
        )
    if not isinstance(items, Tensor):
        return items
    return items.to(device, dtype) if items.is_floating_point() else items.to(device)


def join_items(items: Items, more: Items) -> Items:
    """Append further items to those of each task.

    Example:
        >>> join_items([["a"], ["b"]], [["c"], ["d"]])
        [['a', 'c'], ['b', 'd']]
    """
    if isinstance(items, Parts):
        return items.combined([more], lambda both: join_items(*both))
    if isinstance(items, Tensor):
        return torch.cat([items, more], 1)
    return [first + second for first, second in zip(items, more, strict=True)]


def stack_tasks(batches: Sequence[Items]) -> Items:
    """Join items of several batches of tasks along the task axis.

    Example:
        >>> stack_tasks([torch.zeros(2, 3), torch.zeros(1, 3)]).shape
        torch.Size([3, 3])
    """
    if isinstance(batches[0], Parts):
        return batches[0].combined(batches[1:], stack_tasks)
    if isinstance(batches[0], Tensor):
        return torch.cat(list(batches))
    return [row for batch in batches for row in batch]


def repeat_items(items: Items, copies: int) -> Items:
    """Repeat each item of each task, copies side by side.

    Example:
        >>> repeat_items([["a", "b"]], 2)
        [['a', 'a', 'b', 'b']]
    """
    if isinstance(items, Parts):
        return items.both(lambda value: repeat_items(value, copies))
    if isinstance(items, Tensor):
        return items.repeat_interleave(copies, 1)
    return [[item for item in row for _ in range(copies)] for row in items]


def take_items(items: Items, rows: Int[Tensor, "t m"]) -> Items:
    """Some of the items of each task, by their indices.

    Args:
        items: Items of T tasks.
        rows: Indices `[T, m]`.

    Example:
        >>> take_items([["a", "b"], ["c", "d"]], torch.tensor([[0, 0, 1], [1, 0, 1]]))
        [['a', 'a', 'b'], ['d', 'c', 'd']]
    """
    if isinstance(items, Parts):
        return items.both(lambda value: take_items(value, rows))
    if isinstance(items, Tensor):
        return items[torch.arange(len(rows), device=items.device)[:, None], rows.to(items.device)]
    return [[row[i] for i in chosen] for row, chosen in zip(items, rows.tolist(), strict=True)]


def flatten_tasks(items: Items) -> Items:
    """The items of all tasks in one batch, task after task.

    Example:
        >>> flatten_tasks([["a", "b"], ["c", "d"]])
        ['a', 'b', 'c', 'd']
    """
    if isinstance(items, Parts):
        return items.both(flatten_tasks)
    if isinstance(items, Tensor):
        return items.flatten(0, 1)
    return list(chain.from_iterable(items))


def unflatten_tasks(items: Items, tasks: int, each: int) -> Items:
    """The opposite of `flatten_tasks`: one batch back to T tasks of n items.

    Example:
        >>> unflatten_tasks(["a", "b", "c", "d"], 2, 2)
        [['a', 'b'], ['c', 'd']]
    """
    if isinstance(items, Parts):
        return items.both(lambda value: unflatten_tasks(value, tasks, each))
    if isinstance(items, Tensor):
        return items.reshape(tasks, each, *items.shape[1:])
    return [items[task * each : (task + 1) * each] for task in range(tasks)]


def describe_items(items: Items, tasks: bool = True) -> str:
    """Shape and type of items, with or without the number of tasks.

    Example:
        >>> describe_items(torch.zeros(4, 5, 1, 8, 8)), describe_items([["a", "b"]], tasks=False)
        ('[4, 5, 1, 8, 8] float32', '[2] strings')
    """
    if isinstance(items, Parts):
        return ", ".join(f"{name} {describe_items(value, tasks)}" for name, value in items.values.items())
    if isinstance(items, Tensor):
        return f"{list(items.shape[0 if tasks else 1 :])} {str(items.dtype).removeprefix('torch.')}"
    lengths = sorted({len(row) for row in items})
    return f"{[len(items), *lengths] if tasks else lengths} strings"
