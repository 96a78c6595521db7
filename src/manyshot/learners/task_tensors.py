"""The tensors of one task, as one argument of functions under `torch.vmap`."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.base import InputError


class Side(NamedTuple):
    """The support or query of one task, or of T tasks with a leading dimension.

    Args:
        items: Items `[n, ...]`.
        labels: Class probabilities, or targets of a regression, `[n, ways]`.
        weight: Weights `[n]` of the examples; 0 for padding.
        absent: Mask `[ways]` of the classes that the task does not have.
    """

    items: Tensor
    labels: Float[Tensor, "*t n ways"]
    weight: Float[Tensor, "*t n"]
    absent: Bool[Tensor, "*t ways"]


class Task(NamedTuple):
    """A support to adapt to and a query to be evaluated on.

    Args:
        support: Examples of the inner loop.
        query: Examples of the outer loss.
    """

    support: Side
    query: Side


def task_slice(value: Any, index: int) -> Any:  # noqa: ANN401 - a tensor, or tuples and dicts of them
    """Select one task from tensors that are stacked over tasks.

    Args:
        value: Tensor with a leading dimension for tasks, or named tuples or dictionaries of such; a list has one entry
            for each task.
        index: Index of the task.

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
    """The number of tasks that are stacked.

    Args:
        value: Tensors that are stacked over tasks, see `task_slice`.

    Example:
        >>> task_count({"weight": torch.tensor([[1.0], [2.0]])})
        2
    """
    if isinstance(value, dict):
        return task_count(next(iter(value.values())))
    return task_count(value[0]) if isinstance(value, tuple) else len(value)


def task_items(items: Any) -> Tensor:  # noqa: ANN401 - whatever a user gives
    """Items as a model takes them: uint8 scaled to 0 to 1, inference tensors as ordinary tensors.

    Args:
        items: Items of T tasks.

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
            f"gradient-based learners take items as one tensor [tasks, n, ...], not {kind}; for sentences use a "
            "learner of features, such as prototypes, ridge or probe"
        )
    if items.dtype == torch.uint8:
        return items.float().div_(255)
    return ordinary(items)


def ordinary(tensor: Tensor) -> Tensor:
    """The tensor itself, or a copy that autograd accepts if it was created under `torch.inference_mode`."""
    return tensor.clone() if tensor.is_inference() else tensor
