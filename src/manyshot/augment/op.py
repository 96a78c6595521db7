"""What an augmentation is: parameters are drawn apart from being applied, so that every call can be replayed."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

Params = Mapping[str, "Tensor | Params"]
"""Named parameters; every tensor has one row an item: `{"degrees": [n], "shift": [n, 2]}`. Ops that hold ops nest them."""


@runtime_checkable
class Op(Protocol):
    """Makes a changed item that keeps its class.

    `apply` is pure: the same items and params give the same result. Every op is a frozen dataclass of plain numbers, strings and
    ops, so that it can be printed, compared and stored.
    """

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the parameters of n items."""
        ...

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - a tensor, or a list for text
        """Change n items, each by its own parameters."""
        ...


def take(params: Params, index: Tensor) -> dict[str, Any]:
    """Choose rows of params: to share one draw among items, to replay one item, or to reorder.

    Args:
        params: of n items.
        index: `[m]` integers below n, or `[n]` booleans.

    Returns:
        Params of m items.

    Example:
        >>> take({"degrees": torch.tensor([1.0, 2.0])}, torch.tensor([1, 1, 0]))
        {'degrees': tensor([2., 2., 1.])}
    """
    return {
        name: value[index] if isinstance(value, Tensor) else take(value, index)
        for name, value in params.items()
    }


def uniform(n: int, low: float, high: float, generator: Generator) -> Float[Tensor, "n"]:
    """n uniform numbers from low to high.

    Example:
        >>> uniform(3, -1.0, 1.0, torch.Generator().manual_seed(0)).shape
        torch.Size([3])
    """
    return low + (high - low) * torch.rand(n, generator=generator)
