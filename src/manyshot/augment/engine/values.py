"""Ops that work on each pixel alone as what kernels want of them: matrices, tables, holes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.engine.kernels import images as passes
from manyshot.augment.engine.kernels import maps
from manyshot.augment.engine.kernels import matrices as small
from manyshot.augment.engine.leaves import Leaf
from manyshot.augment.image.cut.erase import Erase
from manyshot.augment.image.intensity.chain import looks_at_mean
from manyshot.augment.image.intensity.colour import LUMA, YIQ, Brightness, Contrast, Hue, Recolour, Saturation
from manyshot.augment.image.intensity.point import LEVELS, PointOp
from manyshot.augment.ops.op import Params

Array = npt.NDArray[Any]
FILL_CODES = {"zero": 0, "mean": 1, "noise": 2}
WHITE = LEVELS - 1
COMMON = {
    Brightness: (maps.BRIGHTNESS, "factor"),
    Contrast: (maps.CONTRAST, "factor"),
    Saturation: (maps.SATURATION, "factor"),
    Hue: (maps.HUE, "turn"),
}
"""Ops whose maps a kernel draws up, and the name of what they draw; any other tells its own."""
GREY = np.array(LUMA, np.float32)
TO_YIQ = np.array(YIQ, np.float32)
FROM_YIQ = np.linalg.inv(np.array(YIQ)).astype(np.float32)


@dataclass(frozen=True)
class Colours:
    """One map an image, in the words of `kernels.images.run`."""

    maps: Array
    pulls: Array
    pulled: bool


def colours(ops: Sequence[Leaf], params: Params, n: int, c: int) -> Colours:
    """The one map of a run of linear changes of colour.

    Args:
        ops: the run, in the order in which they act.
        params: of the pipeline.
        n: images.
        c: channels.
    """
    chained, pulls = np.empty((n, c * (c + 1)), np.float32), np.empty((n, c * c), np.float32)
    maps.begin(c, chained, pulls)
    pulled = False
    for leaf in ops:
        op, own, on = leaf.op, leaf.params(params), leaf.on(params)
        assert isinstance(op, Recolour)
        acts = np.ones(n, bool) if on is None else on.numpy()
        if type(op) in COMMON and c in (1, 3):
            kind, name = COMMON[type(op)]
            values = np.ascontiguousarray(own[name].numpy(), np.float32)
            if c == 1:
                maps.add_gray(kind, values, acts, chained, pulls)
            else:
                maps.add_colour(kind, values, acts, GREY, TO_YIQ, FROM_YIQ, chained, pulls)
            pulled |= type(op) is Contrast
            continue
        at_black = op.maps(own, torch.zeros(n, c))
        pull = np.zeros((n, c, c), np.float32)
        if looks_at_mean(op, c):
            pulled = True
            for channel in range(c):
                one = torch.zeros(n, c)
                one[:, channel] = 1
                pull[:, :, channel] = (op.maps(own, one)[..., -1] - at_black[..., -1]).numpy()
        linear, offset = at_black[..., :-1].contiguous().numpy(), (WHITE * at_black[..., -1]).contiguous().numpy()
        maps.add_any(linear, offset, pull, acts, chained, pulls, np.empty((2, c), np.float32))
    return Colours(chained, pulls, pulled)


def table(ops: Sequence[Leaf], params: Params, histogram: Float[Tensor, "n c 256"]) -> Array:
    """The one table of a run of point ops.

    Args:
        ops: the run, in the order in which they act.
        params: of the pipeline.
        histogram: of the run's input, where an op looks at it; else zeros, of one channel.

    Returns:
        `[n, c, 256]` what each level becomes, in levels.
    """
    levels = torch.arange(LEVELS, dtype=torch.float32).expand_as(histogram)
    for leaf in ops:
        op, on = leaf.op, leaf.on(params)
        assert isinstance(op, PointOp)
        new = op.levels(leaf.params(params), histogram).clamp(0, 1) * WHITE
        changed = new.gather(2, levels.round().long())
        levels = changed if on is None else torch.where(on[:, None, None], changed, levels)
    return levels.contiguous().numpy()


def histograms(source: Array, layout: int, c: int, size: int, rows: Array) -> Float[Tensor, "m c 256"]:
    """How often each level occurs in the chosen images."""
    counts = np.empty((len(rows), c, LEVELS), np.float32)
    passes.count_levels(source, layout, c, size, rows, counts, np.empty((4, LEVELS), np.int32))
    return torch.from_numpy(counts)


@dataclass(frozen=True)
class Holes:
    """Rectangles to fill, in the words of `kernels.images.run`."""

    places: Array
    fill: int
    seeds: Array


def holes(ops: Sequence[Leaf], params: Params, n: int, size: tuple[int, int]) -> Holes:
    """The rectangles of a run of erasing ops of one fill."""
    every, fill, seeds = [], 0, np.zeros(n, np.int64)
    for leaf in ops:
        op, own, on = leaf.op, leaf.params(params), leaf.on(params)
        assert isinstance(op, Erase)
        fill, seeds = FILL_CODES[op.fill], own["seed"].numpy()
        centre, side = own["centre"].numpy(), own["side"].numpy()
        rectangles = np.empty((n, centre.shape[1], 4), np.int32)
        small.fill_rectangles(centre, side, np.ones(n, bool) if on is None else on.numpy(), *size, rectangles)
        every.append(rectangles)
    return Holes(np.concatenate(every, 1), fill, np.ascontiguousarray(seeds))
