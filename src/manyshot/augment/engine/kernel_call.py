"""Arguments of one kernel call for a chunk of images, from a pass and its params."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from manyshot.augment.engine.flatten_pipeline import Leaf
from manyshot.augment.engine.fuse_ops import Fused, fuse_ops
from manyshot.augment.engine.geometry import PADDING_CODES, Fetch, fetch, matrix_of
from manyshot.augment.engine.kernels import any_channels, copies, images, workspace
from manyshot.augment.engine.kernels.workspace import Output, PixelParams
from manyshot.augment.engine.pixelwise import Holes, chain_color_maps, histograms, holes, table
from manyshot.augment.image.geometric.warp import Warp
from manyshot.augment.image.intensity.curve_op import LEVELS
from manyshot.augment.ops.combine import Part
from manyshot.augment.ops.op import Op, Params

Array = npt.NDArray[Any]
LAYOUTS = {"nchw": 0, "nhwc": 1}


@dataclass(frozen=True)
class Pixels:
    """A chunk of images as a flat array of bytes, with its shape and layout."""

    data: Array
    n: int
    c: int
    h: int
    w: int
    layout: str

    @property
    def each(self) -> int:
        """Number of bytes per image."""
        return self.c * self.h * self.w

    def blank(self) -> "Pixels":
        """Return an uninitialized chunk of the same shape."""
        return replace(self, data=np.empty_like(self.data))

    def as_rows(self) -> Array:
        """Return a view `[n, bytes]`."""
        return self.data.reshape(self.n, -1)

    def chosen(self, rows: Array) -> "Pixels":
        """Return a copy of the chosen images."""
        return replace(self, data=self.as_rows()[rows].ravel(), n=len(rows))

    @property
    def read_only(self) -> Array:
        """Read-only view of the bytes: kernels are compiled for one kind of array."""
        data = self.data.view()
        data.flags.writeable = False
        return data

    @property
    def fast(self) -> bool:
        """Whether the fast kernels (1 or 3 channels, limited size) support the images."""
        return self.c in (1, 3) and self.h * self.w <= images.MOST_PACKED

    @property
    def may_stay(self) -> bool:
        """Whether a pass may work in place: each image is copied first if pixels move."""
        return self.fast

    def tensor(self) -> torch.Tensor:
        """Return a uint8 view `[n, c, h, w]`."""
        if self.layout == "nchw":
            return torch.from_numpy(self.data.reshape(self.n, self.c, self.h, self.w))
        return torch.from_numpy(self.data.reshape(self.n, self.h, self.w, self.c)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class KernelCall:
    """Arguments of `kernels.images.run_strips` except the images."""

    kinds: Array
    paddings: Array
    moved: Fetch
    has_color_map: Array
    maps: Array
    mean_maps: Array
    uses_mean: Array
    table_index: Array
    tables: Array
    cut: Holes

    def run(self, source: Pixels, target: Array, floats: Array, scale: Array, shift: Array) -> None:
        """Run the kernel: write bytes to `target` (may be the source), or normalized values to a non-empty `floats`."""
        in_place = target is source.data
        more = self.has_color_map.any() or (self.table_index >= 0).any() or self.cut.places.size or floats.size
        if self.moved.kind == workspace.MOVE and not more and not in_place:
            planes, step = (source.c, 1) if source.layout == "nchw" else (1, source.c)
            moves = workspace.contiguous(self.moved.moves(self.kinds, self.paddings))
            copies.move(
                source.read_only, target, source.n, planes, step, source.h, source.w,
                moves.columns, moves.rows, moves.turned,
            )  # fmt: skip
            return
        means = np.zeros((source.n, source.c), np.float32)
        if self.cut.fill == 1:
            means = source.tensor().float().mean((2, 3)).numpy()
        pixel_params = PixelParams(
            self.has_color_map, self.maps, self.mean_maps, self.uses_mean, self.table_index, self.tables,
            self.cut.places, self.cut.fill, self.cut.seeds, means,
        )  # fmt: skip
        layout = LAYOUTS[source.layout]
        output = Output(target, floats, layout, scale, shift, in_place)
        moves, pixel_params = (
            workspace.contiguous(self.moved.moves(self.kinds, self.paddings)),
            workspace.contiguous(pixel_params),
        )
        data = source.read_only
        n, c, h, w = source.n, source.c, source.h, source.w
        if not source.fast:
            any_channels.run_rows(data, layout, n, c, h, w, moves, pixel_params, output, any_channels.make_rows(c, w))
            return
        moves_pixels = self.kinds != workspace.STAY
        keep_values = (moves_pixels & (self.uses_mean > 0)).any()
        work = workspace.make_workspace(c, h, w, moves_pixels=bool(moves_pixels.any()), keep_values=bool(keep_values))
        images.run_strips(data, layout, n, c, h, w, moves, pixel_params, output, work)


def make_kernel_call(step: Fused, params: Params, source: Pixels) -> KernelCall:
    """Compute the kernel arguments of a pass of fused ops.

    Args:
        step: Pass of fused ops.
        params: Params of the pipeline for the images of the chunk.
        source: Chunk of images.
    """
    n, c, size = source.n, source.c, (source.h, source.w)
    result = _blank(n)
    moved = fetch(step.warps, step.padding_mode, params, n, size)
    result = replace(
        result, moved=moved, kinds=np.full(n, moved.kind, np.int32), paddings=np.full(n, moved.padding, np.int32)
    )
    if step.colors:
        own = chain_color_maps(step.colors, params, n, c)
        uses_mean = np.full(n, own.uses_mean, np.uint8)
        result = replace(
            result, has_color_map=np.ones(n, np.uint8), maps=own.maps, mean_maps=own.mean_maps, uses_mean=uses_mean
        )
    if step.points:
        seen = torch.zeros(n, 1, LEVELS)
        if step.measured:
            seen = histograms(source.data, LAYOUTS[source.layout], c, source.h * source.w, np.arange(n))
        result = replace(result, table_index=np.arange(n, dtype=np.int32), tables=table(step.points, params, seen))
    if step.erases:
        result = replace(result, cut=holes(step.erases, params, n, size))
    return result


def make_layer_call(parts: Sequence[Part], source: Pixels) -> tuple[KernelCall, list[Part]]:
    """Compute the kernel arguments of a layer, in which each image goes through its own op.

    Returns:
        The call, and the parts that it does not cover.
    """
    n, c, size = source.n, source.c, (source.h, source.w)
    result, rest = _blank(n), []
    matrices, stages = np.zeros((n, 1, 9), np.float32), np.ones(n, np.int32)
    maps, mean_maps = np.zeros((n, c * (c + 1)), np.float32), np.zeros((n, c * c), np.float32)
    tables: list[Array] = []
    for part in parts:
        rows = np.arange(n) if part.rows is None else part.rows.numpy()
        leaf = Leaf(part.op)
        step = fused_alone(part.op, c)
        if step is None or step.erases:
            rest.append(part)
        elif isinstance(part.op, Warp) and matrix_of(part.op):
            result.kinds[rows] = workspace.MATRIX
            result.paddings[rows] = PADDING_CODES[part.op.padding_mode or "border"]
            matrices[rows] = fetch((leaf,), step.padding_mode, part.params, len(rows), size, exact=False).matrices
        elif step.colors:
            own = chain_color_maps((leaf,), part.params, len(rows), c)
            result.has_color_map[rows], result.uses_mean[rows] = 1, own.uses_mean
            maps[rows], mean_maps[rows] = own.maps, own.mean_maps
        elif step.points:
            seen = torch.zeros(len(rows), 1, LEVELS)
            if step.measured:
                seen = histograms(source.data, LAYOUTS[source.layout], c, source.h * source.w, rows)
            result.table_index[rows] = np.arange(len(rows)) + sum(map(len, tables))
            tables.append(np.broadcast_to(table((leaf,), part.params, seen), (len(rows), c, LEVELS)))
        else:
            rest.append(part)
    moved = replace(result.moved, matrices=matrices, stages=stages)
    result = replace(result, moved=moved, maps=maps, mean_maps=mean_maps)
    return (replace(result, tables=np.concatenate(tables)) if tables else result), rest


@lru_cache(maxsize=256)
def fused_alone(op: Op, c: int) -> Fused | None:
    """Return the fused pass of a single op, if it has one."""
    result = list(fuse_ops([Leaf(op)], c))
    return result[0] if len(result) == 1 and isinstance(result[0], Fused) else None


def _blank(n: int) -> KernelCall:
    nothing = np.zeros((n, 1), np.float32)
    none = np.zeros(n, np.uint8)
    return KernelCall(
        kinds=np.zeros(n, np.int32),
        paddings=np.zeros(n, np.int32),
        moved=Fetch(),
        has_color_map=none.copy(),
        maps=nothing,
        mean_maps=nothing,
        uses_mean=none.copy(),
        table_index=np.full(n, -1, np.int32),
        tables=np.zeros((1, 1, LEVELS), np.float32),
        cut=Holes(np.zeros((n, 0, 4), np.int32), 0, np.zeros(n, np.int64)),
    )
