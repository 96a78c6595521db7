"""Ops that choose one or some of several ops at random for each item."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.ops.combine import Composite, Layers, chosen
from manyshot.augment.ops.op import Op, Params, check_number
from manyshot.base import InputError


@dataclass(frozen=True)
class OneOf(Composite):
    """Apply one of several ops to each item, all equally likely.

    Args:
        ops: Ops to choose from.

    Raises:
        InputError: If there are no ops.

    Example:
        >>> from manyshot.augment.image import Blur, Noise
        >>> op = OneOf((Blur(), Noise()))
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> params["choice"].shape, list(params["1"])
        (torch.Size([8]), ['strength', 'seed'])
        >>> op.apply(torch.rand(8, 1, 28, 28), params).shape
        torch.Size([8, 1, 28, 28])
    """

    ops: tuple[Op, ...]

    def __post_init__(self) -> None:
        _check_ops(self)

    @property
    def held(self) -> tuple[Op, ...]:
        """The ops to choose from."""
        return self.ops

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `choice [n]`, indices of `ops`, and the params of each op for all items, under its index."""
        choice = torch.randint(len(self.ops), (n,), generator=generator)
        return {"choice": choice, **{str(index): op.sample(n, generator) for index, op in enumerate(self.ops)}}

    def layers(self, params: Params) -> Layers:
        """One layer, in which each item goes through the op chosen for it."""
        choice = params["choice"]
        return [[chosen(op, params[str(index)], choice == index) for index, op in enumerate(self.ops)]]


@dataclass(frozen=True)
class SomeOf(Composite):
    """Apply a number of several ops to each item, chosen at random without repetition, in the order of the list.

    Args:
        ops: Ops to choose from.
        count: Number of ops that act on an item.

    Raises:
        InputError: If there are no ops, or the count is not from 0 to their number.

    Example:
        >>> from manyshot.augment.image import Affine, Blur, Noise
        >>> op = SomeOf((Affine(), Blur(), Noise()), count=2)
        >>> op.sample(8, torch.Generator().manual_seed(0))["on"].sum(1)
        tensor([2, 2, 2, 2, 2, 2, 2, 2])
    """

    ops: tuple[Op, ...]
    count: int = 1

    def __post_init__(self) -> None:
        _check_ops(self)
        check_number(self, "count", high=len(self.ops), whole=True)

    @property
    def held(self) -> tuple[Op, ...]:
        """The ops to choose from."""
        return self.ops

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n, ops]`, booleans, and the params of each op for all items, under its index."""
        order = torch.rand(n, len(self.ops), generator=generator).argsort(1).argsort(1)
        return {
            "on": order < self.count,
            **{str(index): op.sample(n, generator) for index, op in enumerate(self.ops)},
        }

    def layers(self, params: Params) -> Layers:
        """One layer per op, on the items for which it is chosen."""
        on = params["on"]
        return [[chosen(op, params[str(index)], on[:, index])] for index, op in enumerate(self.ops)]


def _check_ops(op: OneOf | SomeOf) -> None:
    if not op.ops:
        raise InputError(f"{type(op).__name__}: ops=(): name at least one op to choose from")
