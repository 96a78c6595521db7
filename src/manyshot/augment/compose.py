"""Ops made of ops: one after another, and now and then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.combine import Layers, Part, apply_layers, chosen
from manyshot.augment.image.warp import Warp, pixels, resample, settle
from manyshot.augment.op import Op, Params, check_number


@dataclass(frozen=True)
class Compose:
    """Apply ops one after another.

    Neighbouring warps with the same edge share one resampling, so thin strokes are blurred once, not once an op. The
    result is that of op by op, up to interpolation.

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

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of each op, under its place: `{"0": .., "1": ..}`."""
        return {str(place): op.sample(n, generator) for place, op in enumerate(self.ops)}

    def layers(self, params: Params) -> Layers:
        """Every op, on all items."""
        return [[Part(op, params[str(place)])] for place, op in enumerate(self.ops)]

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Apply the ops; differentiable where they are."""
        for run in _runs(list(_flat(self, params))):
            if _worth_fusing([op for op, _ in run]):
                items = _resample_once(items, run)
            else:
                for op, own in run:
                    items = op.apply(items, own)
        return items


@dataclass(frozen=True)
class Sometimes:
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

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and the op's params for all items under `inner`."""
        return {"on": torch.rand(n, generator=generator) < self.p, "inner": self.op.sample(n, generator)}

    def layers(self, params: Params) -> Layers:
        """The op, on the items whose turn it is."""
        return [[chosen(self.op, params["inner"], params["on"])]]

    def apply(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the op takes
        """Change the items whose turn it is."""
        return apply_layers(items, self.layers(params))


Drawn = tuple[Op, Params]
"""An op and the params drawn for it."""


def _flat(op: Op, params: Params) -> Iterator[Drawn]:
    """The ops of a composition and of the compositions in it, in the order in which they act."""
    if not isinstance(op, Compose):
        yield op, params
        return
    for place, inner in enumerate(op.ops):
        yield from _flat(inner, params[str(place)])


def _warp(op: Op) -> Warp | None:
    """The warp in an op, if it is one, be it applied only sometimes."""
    inner = op.op if isinstance(op, Sometimes) else op
    return inner if isinstance(inner, Warp) else None


def _runs(drawn: Sequence[Drawn]) -> Iterator[list[Drawn]]:
    """Split ops into the longest runs of warps of one edge; any other op is a run of its own."""
    run: list[Drawn] = []
    edge: str | None = None
    for op, params in drawn:
        warp = _warp(op)
        fits = warp is not None and (None in (edge, warp.edge) or edge == warp.edge)
        if run and not (fits and _warp(run[-1][0])):
            yield run
            run, edge = [], None
        run.append((op, params))
        edge = edge or (warp.edge if warp else None)
    if run:
        yield run


def _worth_fusing(ops: Sequence[Op]) -> bool:
    """Whether two ops or more would each blend pixels."""
    return sum(warp is not None and not warp.exact for warp in map(_warp, ops)) > 1


def _resample_once(images: Float[Tensor, "n c h w"], run: Sequence[Drawn]) -> Float[Tensor, "n c h w"]:
    """Apply a run of warps in one pass: ask the last where its output comes from, then the one before, and so on."""
    size = (images.shape[2], images.shape[3])
    edge = next((warp.edge for warp in (_warp(op) for op, _ in run) if warp and warp.edge), "border")
    points = pixels(images)
    for place, (op, params) in enumerate(reversed(run)):
        points = settle(points, edge, size) if place else points
        points = _where(op, points, params, size)
    return resample(images, points, edge)


def _where(op: Op, points: Float[Tensor, "n h w 2"], params: Params, size: tuple[int, int]) -> Float[Tensor, "n h w 2"]:
    if isinstance(op, Sometimes):
        on = params["on"].to(points.device)[:, None, None, None]
        return torch.where(on, _where(op.op, points, params["inner"], size), points)
    warp = _warp(op)
    assert warp is not None  # a run of several holds warps only
    return warp.where(points, params, size)
