"""The tensors of one task, which go through `torch.vmap` as one argument."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.base import InputError


class Side(NamedTuple):
    """The support or the query of one task; of T tasks, with a dimension for them in front.

    Args:
        items: `[n, ...]`.
        labels: `[n, ways]` class probabilities, or targets of a regression.
        weight: `[n]` How much each example counts; 0 for padding.
        absent: `[ways]` Classes that the task lacks.
    """

    items: Tensor
    labels: Float[Tensor, "*t n ways"]
    weight: Float[Tensor, "*t n"]
    absent: Bool[Tensor, "*t ways"]


class Task(NamedTuple):
    """A support to adapt to and a query to be evaluated on.

    Args:
        support: Examples that the inner loop sees.
        query: Examples that the outer loss is taken on.
    """

    support: Side
    query: Side


def task_slice(value: Any, index: int) -> Any:  # noqa: ANN401 - a tensor, or tuples and dicts of them
    """One task of tensors that are stacked over tasks.

    Args:
        value: A tensor, or named tuples or dictionaries of tensors, with tasks in front; a list holds one entry a task.
        index: Which task.

    Example:
        >>> task_slice({"weight": torch.tensor([[1.0], [2.0]])}, 1)
        {'weight': tensor([2.])}
    """
    if isinstance(value, dict):
        return {name: task_slice(part, index) for name, part in value.items()}
    if isinstance(value, tuple):
        return type(value)(*(task_slice(part, index) for part in value))
    return value[index]


def task_count(value: Any) -> int:  # noqa: ANN401 - the same
    """How many tasks are stacked, see `task_slice`.

    Example:
        >>> task_count({"weight": torch.tensor([[1.0], [2.0]])})
        2
    """
    if isinstance(value, dict):
        return task_count(next(iter(value.values())))
    return task_count(value[0]) if isinstance(value, tuple) else len(value)


def task_items(items: Any) -> Tensor:  # noqa: ANN401 - whatever a user gives
    """Items as a model takes them: bytes as numbers from 0 to 1, tensors of `torch.inference_mode` as ordinary ones.

    Raises:
        InputError: If the items are not a tensor.

    Example:
        >>> task_items(torch.tensor([[255]], dtype=torch.uint8))
        tensor([[1.]])
    """
    if not isinstance(items, Tensor):
        text = isinstance(items, list) and bool(items) and bool(items[0]) and isinstance(items[0][0], str)
        kind = "sentences" if text else f"a {type(items).__name__}"
        raise InputError(
            f"gradient-based learners take items as one tensor [tasks, n, ...], not {kind}; for sentences choose a "
            "learner of features, such as prototypes, ridge or probe"
        )
    if items.dtype == torch.uint8:
        return items.float().div_(255)
    return ordinary(items)


def ordinary(tensor: Tensor) -> Tensor:
    """The same tensor, or a copy that autograd takes where it was made under `torch.inference_mode`."""
    return tensor.clone() if tensor.is_inference() else tensor
