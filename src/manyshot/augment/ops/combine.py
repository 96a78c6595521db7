"""What ops made of ops come down to: layers, in each of which parts of the items go through one op each.

An op that holds ops tells its `layers` for given params. Applying them, following a point through them, or compiling
them into fewer passes then takes no knowledge of who chose the ops and how.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Int
from torch import Tensor

from manyshot.augment.image.image_op import in_floats
from manyshot.augment.ops.op import Op, Params, take


class Part(NamedTuple):
    """An op, the params drawn for the items that it changes, and which those are.

    Args:
        op: what to apply.
        params: one row for each changed item.
        rows: `[m]` the places of the changed items, on the CPU; None for all.
    """

    op: Op
    params: Params
    rows: Int[Tensor, "m"] | None = None


Layers = list[list[Part]]
"""One layer after another; the parts of one layer share no item, so their order means nothing."""


@runtime_checkable
class Combined(Protocol):
    """An op that is nothing but other ops, each on some of the items."""

    def layers(self, params: Params) -> Layers:
        """What these params do, as layers."""
        ...


class Composite(Op):
    """An op that holds ops, and applies them to items or to some of them."""

    @property
    @abstractmethod
    def held(self) -> tuple[Op, ...]:
        """The ops that it holds."""

    @abstractmethod
    def layers(self, params: Params) -> Layers:
        """What these params do, as layers."""

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse items that one of the ops cannot change, whether or not its turn comes.

        Raises:
            InputError: naming that op.
        """
        for op in self.held:
            op.check(items)

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Change n items by the ops; differentiable where they are.

        Raises:
            InputError: for items that one of the ops cannot change.
        """
        self.check(items)
        return in_floats(items, lambda values: self.change(values, params))

    def change(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Apply the layers in their order."""
        return apply_layers(items, self.layers(params))


def chosen(op: Op, params: Params, on: Bool[Tensor, "n"]) -> Part:
    """The part in which an op changes the items that are on.

    Args:
        op: what to apply.
        params: of all n items.
        on: which items it changes.

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
            here = rows.to(items.device)
            changed.index_copy_(0, here, op.apply(items.index_select(0, here), params))
        return changed
    result = list(items)
    for op, params, rows in layer:
        assert rows is not None
        places = rows.tolist()
        for place, item in zip(places, op.apply([items[place] for place in places], params), strict=True):
            result[place] = item
    return result
