"""Ops made of ops: one after another, and now and then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.flip import Flip, FlipVertical
from manyshot.augment.image.geometric.turn import Turn
from manyshot.augment.image.geometric.warp import Warp, pixels, resample, settle
from manyshot.augment.image.intensity.chain import apply_color_ops, chains
from manyshot.augment.image.intensity.color import ColorOp
from manyshot.augment.ops.combine import Composite, Layers, Part, apply_layers, chosen
from manyshot.augment.ops.op import Op, Params, check_number


@dataclass(frozen=True)
class Compose(Composite):
    """Apply ops one after another.

    Neighbouring warps with the same edge share one resampling, so thin strokes are blurred once, not once an op: the
    result is that of op by op, up to interpolation. Neighbouring linear changes of colour share one map and one clamp:
    what brightness lifts above white, a following loss of contrast brings back. Flips and quarter turns among them
    part nothing.

    Args:
        ops: in the order in which they act; none leaves the items alone.

    Example:
        >>> from manyshot.augment.image import Affine, Elastic, Noise
        >>> op = Compose((Affine(), Elastic(), Noise()))
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> list(params), list(params["2"])
        (['0', '1', '2'], ['strength', 'seed'])
        >>> op.apply(torch.rand(8, 1, 28, 28), params).shape
        torch.Size([8, 1, 28, 28])
    """

    ops: tuple[Op, ...]

    @property
    def held(self) -> tuple[Op, ...]:
        """The ops."""
        return self.ops

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of each op, under its place: `{"0": .., "1": ..}`."""
        return {str(place): op.sample(n, generator) for place, op in enumerate(self.ops)}

    def layers(self, params: Params) -> Layers:
        """Every op, on all items."""
        return [[Part(op, params[str(place)])] for place, op in enumerate(self.ops)]

    def change(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Apply the ops; differentiable where they are."""
        drawn = list(_flat(self, params))
        channels = items.shape[1] if isinstance(items, Tensor) and items.ndim == 4 else 0
        while drawn:
            color_ops = _count_color_ops(drawn, channels)
            if color_ops > 1:
                items = _recolour_once(items, drawn[:color_ops])
                drawn = drawn[color_ops:]
                continue
            warps = _warps(drawn)
            if _worth_fusing(drawn[:warps]):
                items = _resample_once(items, drawn[:warps])
                drawn = drawn[warps:]
            else:
                items = _alone(items, drawn[0])
                drawn = drawn[1:]
        return items


@dataclass(frozen=True)
class Sometimes(Composite):
    """Apply an op to each item with probability p.

    Args:
        op: what to apply.
        p: share of items that it changes.

    Raises:
        InputError: for a p outside 0 to 1.

    Example:
        >>> from manyshot.augment.image import Noise
        >>> op = Sometimes(Noise(), p=0.5)
        >>> params = op.sample(8, torch.Generator().manual_seed(0))
        >>> params["on"].shape, list(params["inner"])
        (torch.Size([8]), ['strength', 'seed'])
    """

    op: Op
    p: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "p", high=1)

    @property
    def held(self) -> tuple[Op, ...]:
        """The op alone."""
        return (self.op,)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and the op's params for all items under `inner`."""
        return {"on": torch.rand(n, generator=generator) < self.p, "inner": self.op.sample(n, generator)}

    def layers(self, params: Params) -> Layers:
        """The op, on the items whose turn it is."""
        return [[chosen(self.op, params["inner"], params["on"])]]


PERMUTATIONS = (Flip, FlipVertical, Turn)
"""Warps that only change the places of whole pixels, so that they may change places with any op that works on each
pixel alone."""


class Drawn(NamedTuple):
    """An op that holds no other, the params drawn for it, and `[n]` which items it changes; None for all."""

    op: Op
    params: Params
    on: Tensor | None


def _flat(op: Op, params: Params, on: Tensor | None = None) -> Iterator[Drawn]:
    """The ops of a composition and of what it holds, in the order in which they act."""
    if isinstance(op, Compose):
        for place, inner in enumerate(op.ops):
            yield from _flat(inner, params[str(place)], on)
    elif isinstance(op, Sometimes):
        yield from _flat(op.op, params["inner"], params["on"] if on is None else on & params["on"])
    else:
        yield Drawn(op, params, on)


def _alone(items: Any, now: Drawn) -> Any:  # noqa: ANN401 - whatever the op takes
    if now.on is None:
        return now.op.apply(items, now.params)
    return apply_layers(items, [[chosen(now.op, now.params, now.on)]])


def _count_color_ops(drawn: Sequence[Drawn], channels: int) -> int:
    """How many ops from the first on are changes of colour that share one map, with the permutations among them."""
    length = 0
    for place, now in enumerate(drawn):
        if channels and chains(now.op, channels):
            length = place + 1
        elif not (length and isinstance(now.op, PERMUTATIONS)):
            break
    return length


def _recolour_once(images: Float[Tensor, "n c h w"], run: Sequence[Drawn]) -> Float[Tensor, "n c h w"]:
    """Change the colours once; permutations, which no colour minds, come after."""
    changes = [(op, params, on) for op, params, on in run if isinstance(op, ColorOp)]
    images = apply_color_ops(images, changes)
    for now in run:
        if isinstance(now.op, PERMUTATIONS):
            images = _alone(images, now)
    return images


def _warps(drawn: Sequence[Drawn]) -> int:
    """How many ops from the first on are warps of one edge."""
    padding_mode: str | None = None
    for place, (op, _, _) in enumerate(drawn):
        if not isinstance(op, Warp) or (
            None not in (padding_mode, op.padding_mode) and padding_mode != op.padding_mode
        ):
            return place
        padding_mode = padding_mode or op.padding_mode
    return len(drawn)


def _worth_fusing(run: Sequence[Drawn]) -> bool:
    """Whether two ops or more would each blend pixels."""
    return sum(isinstance(op, Warp) and not op.exact for op, _, _ in run) > 1


def _resample_once(images: Float[Tensor, "n c h w"], run: Sequence[Drawn]) -> Float[Tensor, "n c h w"]:
    """Apply a run of warps in one pass: ask the last where its output comes from, then the one before, and so on."""
    size = (images.shape[2], images.shape[3])
    padding_mode = next((op.padding_mode for op, _, _ in run if isinstance(op, Warp) and op.padding_mode), "border")
    points = pixels(images)
    for place, (op, params, on) in enumerate(reversed(run)):
        assert isinstance(op, Warp)  # a run of several holds warps only
        points = settle(points, padding_mode, size) if place else points
        moved = op.where(points, params, size)
        points = moved if on is None else torch.where(on.to(points.device)[:, None, None, None], moved, points)
    return resample(images, points, padding_mode)
