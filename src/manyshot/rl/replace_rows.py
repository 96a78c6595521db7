"""Rows of states and params: choose between them, and replace some."""

from typing import Any

import torch
from torch import Tensor

from manyshot.augment.ops.op import Params


def where_rows(on: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Choose between two tensors row by row.

    Example:
        >>> where_rows(torch.tensor([True, False]), torch.ones(2, 2), torch.zeros(2, 2)).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """
    return torch.where(on.reshape(-1, *[1] * (yes.ndim - 1)), yes, no)


def replace_rows(old: Params, rows: Tensor, fresh: Params) -> dict[str, Any]:
    """Replace rows of params or of a state by fresh ones; the counterpart of `manyshot.augment.ops.op.take`.

    Args:
        old: Params of n rows.
        rows: `[m]` indices of the rows to replace, each once.
        fresh: Params of m rows.

    Returns:
        New params of n rows; the old ones are not changed.

    Example:
        >>> replace_rows({"t": torch.tensor([7, 8, 9])}, torch.tensor([1]), {"t": torch.tensor([0])})
        {'t': tensor([7, 0, 9])}
    """
    return {
        name: value.index_copy(0, rows, fresh[name])
        if isinstance(value, Tensor)
        else replace_rows(value, rows, fresh[name])
        for name, value in old.items()
    }
