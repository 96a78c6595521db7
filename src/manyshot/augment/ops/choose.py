"""Ops that choose among ops: one of them, or some of them, by a draw of each item."""

from dataclasses import dataclass

import torch
from torch import Generator

from manyshot.augment.ops.combine import Composite, Layers, chosen
from manyshot.augment.ops.op import Op, Params, check_number
from manyshot.base import InputError


@dataclass(frozen=True)
class OneOf(Composite):
    """Apply one of several ops to each item, each as likely as the others.

    Args:
        ops: to choose from.

    Raises:
        InputError: for no ops.

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
        """Draw `choice [n]`, a place in `ops`, and the params of each op for all items, under its place."""
        choice = torch.randint(len(self.ops), (n,), generator=generator)
        return {"choice": choice, **{str(place): op.sample(n, generator) for place, op in enumerate(self.ops)}}

    def layers(self, params: Params) -> Layers:
        """One layer, in which each item goes through the op of its choice."""
        choice = params["choice"]
        return [[chosen(op, params[str(place)], choice == place) for place, op in enumerate(self.ops)]]


@dataclass(frozen=True)
class SomeOf(Composite):
    """Apply so many of several ops to each item, chosen at random without repetition, in the order of the list.

    Args:
        ops: to choose from.
        count: how many act on an item.

    Raises:
        InputError: for no ops, or a count that is not from 0 to their number.

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
        """Draw `on [n, ops]`, booleans, and the params of each op for all items, under its place."""
        order = torch.rand(n, len(self.ops), generator=generator).argsort(1).argsort(1)
        return {
            "on": order < self.count,
            **{str(place): op.sample(n, generator) for place, op in enumerate(self.ops)},
        }

    def layers(self, params: Params) -> Layers:
        """A layer for each op, on the items that chose it."""
        on = params["on"]
        return [[chosen(op, params[str(place)], on[:, place])] for place, op in enumerate(self.ops)]


def _check_ops(op: OneOf | SomeOf) -> None:
    if not op.ops:
        raise InputError(f"{type(op).__name__}: ops=(): name at least one op to choose from")
