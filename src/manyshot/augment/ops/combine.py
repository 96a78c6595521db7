"""Ops that hold ops as layers, in each of which parts of the items go through one op each.

An op that holds ops gives its `layers` for given params. Code that applies them, follows a point through them, or
compiles them into fewer passes then does not depend on how the ops were chosen.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Int
from torch import Tensor

from manyshot.augment.image.image_op import in_floats
from manyshot.augment.ops.op import Op, Params, take


class Part(NamedTuple):
    """An op with the params of the items that it changes, and the indices of these items.

    Args:
        op: The op to apply.
        params: Params with one row per changed item.
        rows: Indices `[m]` of the changed items, on the CPU; None for all items.
    """

    op: Op
    params: Params
    rows: Int[Tensor, "m"] | None = None


Layers = list[list[Part]]
"""Layers in order; the parts of one layer change different items, so their order does not matter."""


@runtime_checkable
class Combined(Protocol):
    """An op that applies other ops, each to some of the items."""

    def layers(self, params: Params) -> Layers:
        """The layers for given params."""
        ...


class Composite(Op):
    """An op that holds ops, and applies them to items or to some of them."""

    @property
    @abstractmethod
    def held(self) -> tuple[Op, ...]:
        """The ops that it holds."""

    @abstractmethod
    def layers(self, params: Params) -> Layers:
        """The layers for given params."""

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse items that one of the ops cannot change, whether or not it is chosen.

        Raises:
            InputError: Naming that op.
        """
        for op in self.held:
            op.check(items)

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Change n items by the ops; differentiable where they are.

        Raises:
            InputError: For items that one of the ops cannot change.
        """
        self.check(items)
        return in_floats(items, lambda values: self.change(values, params))

    def change(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Apply the layers in their order."""
        return apply_layers(items, self.layers(params))


def chosen(op: Op, params: Params, on: Bool[Tensor, "n"]) -> Part:
    """The part in which an op changes the chosen items.

    Args:
        op: The op to apply.
        params: Params of all n items.
        on: Mask of the items that it changes.

    Example:
        >>> import torch
        >>> from manyshot.augment.image import Flip
        >>> chosen(Flip(), {"flipped": torch.tensor([True, False])}, torch.tensor([False, True]))
        Part(op=Flip(p=0.5), params={'flipped': tensor([False])}, rows=tensor([1]))
    """
    rows = on.cpu().nonzero().flatten()
    return Part(op, take(params, rows), rows)


def apply_layers(items: Any, layers: Layers) -> Any:  # noqa: ANN401 - whatever the ops take
    """Apply layers in their order; differentiable where the ops are.

    Example:
        >>> import torch
        >>> from manyshot.augment.image import Invert
        >>> part = Part(Invert(), {"on": torch.tensor([True])}, torch.tensor([1]))
        >>> apply_layers(torch.zeros(3, 1, 1, 1), [[part]]).flatten()
        tensor([0., 1., 0.])
    """
    for layer in layers:
        items = _apply_layer(items, [part for part in layer if part.rows is None or len(part.rows)])
    return items


def _apply_layer(items: Any, layer: Sequence[Part]) -> Any:  # noqa: ANN401 - whatever the ops take
    if not layer:
        return items
    if layer[0].rows is None:
        return layer[0].op.apply(items, layer[0].params)
    if isinstance(items, Tensor):
        changed = items.clone()
        for op, params, rows in layer:
            assert rows is not None  # a part that takes all items is alone in its layer
            index = rows.to(items.device)
            changed.index_copy_(0, index, op.apply(items.index_select(0, index), params))
        return changed
    result = list(items)
    for op, params, rows in layer:
        assert rows is not None
        indices = rows.tolist()
        for index, item in zip(indices, op.apply([items[index] for index in indices], params), strict=True):
            result[index] = item
    return result
