"""Compositions: ops one after another (`Compose`), and with a probability (`Sometimes`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.flip import Flip, FlipVertical
from manyshot.augment.image.geometric.turn import Turn
from manyshot.augment.image.geometric.warp import Warp, pixels, resample, settle
from manyshot.augment.image.image_op import per_item
from manyshot.augment.image.intensity.color import ColorOp
from manyshot.augment.image.intensity.fuse_color_ops import apply_color_ops, chains
from manyshot.augment.ops.combine import Composite, Layers, Part, apply_layers, chosen
from manyshot.augment.ops.op import Op, Params, check_number
from manyshot.augment.volume.flip3 import Flip3


@dataclass(frozen=True)
class Compose(Composite):
    """Apply ops one after another.

    Consecutive warps with the same padding mode share one resampling, so thin strokes are blurred only once; the result
    equals op by op up to interpolation. Consecutive linear color ops share one map and one clamp: values that
    brightness raises above white can be brought back by a later op. Flips and quarter turns do not interrupt either.

    `manyshot.augment.engine.Compiled` runs a composition on uint8 images in few passes.

    Args:
        ops: Ops in the order in which they act; none leaves the items unchanged.

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
        """Inner ops."""
        return self.ops

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw the params of each op, under its index: `{"0": .., "1": ..}`."""
        return {str(index): op.sample(n, generator) for index, op in enumerate(self.ops)}

    def layers(self, params: Params) -> Layers:
        """Return every op, on all items."""
        return [[Part(op, params[str(index)])] for index, op in enumerate(self.ops)]

    def change(self, items: Any, params: Params) -> Any:  # noqa: ANN401 - whatever the ops take
        """Apply the ops; differentiable where they are."""
        drawn = list(_flat(self, params))
        channels = items.shape[1] if isinstance(items, Tensor) and items.ndim in (4, 5) else 0
        while drawn:
            color_ops = _count_color_ops(drawn, channels)
            if color_ops > 1:
                items = _apply_color_run(items, drawn[:color_ops])
                drawn = drawn[color_ops:]
                continue
            warps = _warps(drawn)
            if _should_fuse(drawn[:warps]):
                items = _resample_once(items, drawn[:warps])
                drawn = drawn[warps:]
            else:
                items = _apply_single(items, drawn[0])
                drawn = drawn[1:]
        return items


@dataclass(frozen=True)
class Sometimes(Composite):
    """Apply an op to each item with probability p.

    Args:
        op: Op to apply.
        p: Probability that an item is changed.

    Raises:
        InputError: If p is outside 0 to 1.

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
        """Inner op."""
        return (self.op,)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `on [n]`, booleans, and the op's params for all items under `inner`."""
        return {"on": torch.rand(n, generator=generator) < self.p, "inner": self.op.sample(n, generator)}

    def layers(self, params: Params) -> Layers:
        """Return the op, on the chosen items."""
        return [[chosen(self.op, params["inner"], params["on"])]]


PERMUTATIONS = (Flip, FlipVertical, Turn, Flip3)
"""Warps that permute whole pixels, so they commute with every op that works on each pixel alone."""


class Drawn(NamedTuple):
    """A single op, the params drawn for it, and a mask `[n]` of the items that it changes; None for all."""

    op: Op
    params: Params
    on: Tensor | None


def _flat(op: Op, params: Params, on: Tensor | None = None) -> Iterator[Drawn]:
    """Yield the single ops of nested compositions in the order in which they act."""
    if isinstance(op, Compose):
        for index, inner in enumerate(op.ops):
            yield from _flat(inner, params[str(index)], on)
    elif isinstance(op, Sometimes):
        yield from _flat(op.op, params["inner"], params["on"] if on is None else on & params["on"])
    else:
        yield Drawn(op, params, on)


def _apply_single(items: Any, step: Drawn) -> Any:  # noqa: ANN401 - whatever the op takes
    if step.on is None:
        return step.op.apply(items, step.params)
    return apply_layers(items, [[chosen(step.op, step.params, step.on)]])


def _count_color_ops(drawn: Sequence[Drawn], channels: int) -> int:
    """Count the leading ops that share one color map, with the permutations among them."""
    length = 0
    for index, step in enumerate(drawn):
        if channels and chains(step.op, channels):
            length = index + 1
        elif not (length and isinstance(step.op, PERMUTATIONS)):
            break
    return length


def _apply_color_run(images: Float[Tensor, "n c *size"], run: Sequence[Drawn]) -> Float[Tensor, "n c *size"]:
    """Apply one color map; permutations, which commute with it, come after."""
    changes = [(op, params, on) for op, params, on in run if isinstance(op, ColorOp)]
    images = apply_color_ops(images, changes)
    for step in run:
        if isinstance(step.op, PERMUTATIONS):
            images = _apply_single(images, step)
    return images


def _warps(drawn: Sequence[Drawn]) -> int:
    """Count the leading ops that are warps with one padding mode."""
    padding_mode: str | None = None
    for index, (op, _, _) in enumerate(drawn):
        if not isinstance(op, Warp) or (
            None not in (padding_mode, op.padding_mode) and padding_mode != op.padding_mode
        ):
            return index
        padding_mode = padding_mode or op.padding_mode
    return len(drawn)


def _should_fuse(run: Sequence[Drawn]) -> bool:
    """Whether two or more ops would each interpolate pixels."""
    return sum(isinstance(op, Warp) and not op.exact for op, _, _ in run) > 1


def _resample_once(images: Float[Tensor, "n c *size"], run: Sequence[Drawn]) -> Float[Tensor, "n c *size"]:
    """Apply a run of warps in one pass: trace output points back through the warps, the last one first."""
    size = tuple(images.shape[2:])
    padding_mode = next((op.padding_mode for op, _, _ in run if isinstance(op, Warp) and op.padding_mode), "border")
    if len(size) == 3:
        done = _resample_volumes(images, run, padding_mode)
        if done is not None:
            return done
    points = pixels(images)
    for index, (op, params, on) in enumerate(reversed(run)):
        assert isinstance(op, Warp)  # a run of several holds warps only
        points = settle(points, padding_mode, size) if index else points
        moved = op.source_points(points, params, size)
        points = moved if on is None else torch.where(per_item(on, points), moved, points)
    return resample(images, points, padding_mode)


def _resample_volumes(
    volumes: Float[Tensor, "n c d h w"], run: Sequence[Drawn], padding_mode: str
) -> Float[Tensor, "n c d h w"] | None:
    """Apply a run of warps in one pass by a kernel; None if it cannot."""
    from manyshot.augment.volume.volume_resampler import Step, resample_steps  # numba takes half a second to import

    parts = [Part(step.op, step.params) if step.on is None else chosen(step.op, step.params, step.on) for step in run]
    return resample_steps(volumes, [Step(part.op, part.params, part.rows) for part in parts], padding_mode)  # type: ignore[arg-type]
