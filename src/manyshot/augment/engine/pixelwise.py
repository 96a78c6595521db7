"""Pixelwise ops as input for kernels: color matrices, tables and holes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.engine.flatten_pipeline import Leaf
from manyshot.augment.engine.kernels import color_maps
from manyshot.augment.engine.kernels.images import count_levels
from manyshot.augment.engine.kernels.matrices import fill_rectangles
from manyshot.augment.image.cut.erase import Erase
from manyshot.augment.image.intensity.color import LUMA, YIQ, Brightness, ColorOp, Contrast, Hue, Saturation
from manyshot.augment.image.intensity.curve_op import LEVELS, CurveOp
from manyshot.augment.image.intensity.fuse_color_ops import depends_on_mean
from manyshot.augment.ops.op import Params

Array = npt.NDArray[Any]
FILL_CODES = {"zero": 0, "mean": 1, "noise": 2}
WHITE = LEVELS - 1
COMMON = {
    Brightness: (color_maps.BRIGHTNESS, "factor"),
    Contrast: (color_maps.CONTRAST, "factor"),
    Saturation: (color_maps.SATURATION, "factor"),
    Hue: (color_maps.HUE, "turn"),
}
"""Color ops whose maps a kernel computes, and the name of their param; the maps of other ops come from `op.maps`."""
GREY = np.array(LUMA, np.float32)
TO_YIQ = np.array(YIQ, np.float32)
FROM_YIQ = np.linalg.inv(np.array(YIQ)).astype(np.float32)


@dataclass(frozen=True)
class ColorMaps:
    """One color map per image, as `kernels.workspace.PixelParams` takes it."""

    maps: Array
    mean_maps: Array
    uses_mean: bool


def chain_color_maps(ops: Sequence[Leaf], params: Params, n: int, c: int) -> ColorMaps:
    """Multiply the maps of a run of linear color ops.

    Args:
        ops: Color ops in the order in which they act.
        params: Params of the pipeline.
        n: Number of images.
        c: Number of channels.
    """
    chained, mean_maps = np.empty((n, c * (c + 1)), np.float32), np.empty((n, c * c), np.float32)
    color_maps.begin(c, chained, mean_maps)
    uses_mean = False
    for leaf in ops:
        op, own, on = leaf.op, leaf.params(params), leaf.on(params)
        assert isinstance(op, ColorOp)
        acts = np.ones(n, bool) if on is None else on.numpy()
        if type(op) in COMMON and c in (1, 3):
            kind, name = COMMON[type(op)]
            values = np.ascontiguousarray(own[name].numpy(), np.float32)
            if c == 1:
                color_maps.add_gray(kind, values, acts, chained, mean_maps)
            else:
                color_maps.add_color(kind, values, acts, GREY, TO_YIQ, FROM_YIQ, chained, mean_maps)
            uses_mean |= type(op) is Contrast
            continue
        at_black = op.maps(own, torch.zeros(n, c))
        mean_map = np.zeros((n, c, c), np.float32)
        if depends_on_mean(op, c):
            uses_mean = True
            for channel in range(c):
                one = torch.zeros(n, c)
                one[:, channel] = 1
                mean_map[:, :, channel] = (op.maps(own, one)[..., -1] - at_black[..., -1]).numpy()
        linear, offset = at_black[..., :-1].contiguous().numpy(), (WHITE * at_black[..., -1]).contiguous().numpy()
        color_maps.add_any(linear, offset, mean_map, acts, chained, mean_maps, np.empty((2, c), np.float32))
    return ColorMaps(chained, mean_maps, uses_mean)


def table(ops: Sequence[Leaf], params: Params, histogram: Float[Tensor, "n c 256"]) -> Array:
    """Compose a run of point ops into one table.

    Args:
        ops: Point ops in the order in which they act.
        params: Params of the pipeline.
        histogram: Histogram of the input if an op depends on it; otherwise zeros, with one channel.

    Returns:
        Table `[n, c, 256]` of the new value of each level, in levels.
    """
    levels = torch.arange(LEVELS, dtype=torch.float32).expand_as(histogram)
    for leaf in ops:
        op, on = leaf.op, leaf.on(params)
        assert isinstance(op, CurveOp)
        new = op.levels(leaf.params(params), histogram).clamp(0, 1) * WHITE
        changed = new.gather(2, levels.round().long())
        levels = changed if on is None else torch.where(on[:, None, None], changed, levels)
    return levels.contiguous().numpy()


def histograms(source: Array, layout: int, c: int, size: int, rows: Array) -> Float[Tensor, "m c 256"]:
    """Count the levels in the chosen images."""
    counts = np.empty((len(rows), c, LEVELS), np.float32)
    count_levels(source, layout, c, size, rows, counts, np.empty((4, LEVELS), np.int32))
    return torch.from_numpy(counts)


@dataclass(frozen=True)
class Holes:
    """Rectangles to fill, as `kernels.workspace.PixelParams` takes them."""

    places: Array
    fill: int
    seeds: Array


def holes(ops: Sequence[Leaf], params: Params, n: int, size: tuple[int, int]) -> Holes:
    """Collect the rectangles of a run of erasing ops with the same fill."""
    every, fill, seeds = [], 0, np.zeros(n, np.int64)
    for leaf in ops:
        op, own, on = leaf.op, leaf.params(params), leaf.on(params)
        assert isinstance(op, Erase)
        fill, seeds = FILL_CODES[op.fill], own["seed"].numpy()
        center, side = own["center"].numpy(), own["side"].numpy()
        rectangles = np.empty((n, center.shape[1], 4), np.int32)
        fill_rectangles(center, side, np.ones(n, bool) if on is None else on.numpy(), *size, rectangles)
        every.append(rectangles)
    return Holes(np.concatenate(every, 1), fill, np.ascontiguousarray(seeds))
