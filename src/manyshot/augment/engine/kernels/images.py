"""One pass over images: fetch each output pixel, apply color map and table, fill holes, write it."""

from typing import no_type_check

import numpy as np
from numba import int32, uint8, uintp

from manyshot.augment.engine.kernels import packing, points
from manyshot.augment.engine.kernels.crops import crop
from manyshot.augment.engine.kernels.in_place import keep
from manyshot.augment.engine.kernels.intrinsics import kernel
from manyshot.augment.engine.kernels.warps import load_matrix, warp
from manyshot.augment.engine.kernels.workspace import MATRIX, STAY

MOST_PACKED = 80_000
"""Largest number of pixels of an image that is packed first, so that a thread needs less than 1 MB."""


@kernel
@no_type_check
def run_strips(source, layout, n, c, h, w, moves, params, output, work):
    """Run one pass on n images with 1 or 3 channels and at most MOST_PACKED pixels.

    Args:
        source: Contiguous bytes of the images; may be shared with the output.
        layout: 0 for planar (nchw), 1 for interleaved (nhwc).
        n, c, h, w: Shape of the images.
        moves, params, output, work: See `workspace`.
    """
    size = h * w
    for i in range(n):
        kind, base = moves.kinds[i], uintp(i) * uintp(c) * uintp(size)
        if kind == STAY and output.floats.size == 0 and not _changes_values(params, i):
            if not output.same:
                packing.copy(source, base, output.data, base, c * size)
            continue
        if kind == STAY and params.table_index[i] >= 0 and _only_looks_up(params, output, i):
            _look_up_bytes(source, base, layout, params, i, c, size, output.data, work.entries)
            continue
        if kind != STAY:
            if c == 3:
                packing.pack(source, base, layout, w, h, work.packed)
            else:
                packing.pad(source, base, w, h, work.padded)
        if kind < MATRIX:
            keep(source, layout, work, moves, params, output, i, c, h, w)
            continue
        padding = moves.paddings[i]
        if kind == MATRIX and moves.stages[i] == 1 and moves.fields.shape[0] == 0:
            load_matrix(moves.matrices, i, 0, work.matrix)
            if points.is_affine(work.matrix, padding) and points.keeps_axes(work.matrix):
                crop(work, params, output, i, padding, c, h, w)
                continue
        warp(work, moves, params, output, i, c, h, w)


@kernel
@no_type_check
def _changes_values(params, i):
    """Whether the values of an image change."""
    return params.has_color_map[i] or params.table_index[i] >= 0 or params.holes.shape[1] > 0


@kernel
@no_type_check
def _only_looks_up(params, output, i):
    """Whether only a table applies, to bytes."""
    return not params.has_color_map[i] and params.holes.shape[1] == 0 and output.floats.size == 0


@kernel
@no_type_check
def _look_up_bytes(source, base, layout, params, i, c, size, target, entries):
    """Replace bytes by their table entries."""
    step = uintp(c) if layout == 1 else uintp(1)
    step_channel = uintp(1) if layout == 1 else uintp(size)
    for k in range(c):
        for level in range(256):
            value = params.tables[params.table_index[i], min(k, params.tables.shape[1] - 1), level]
            entries[level] = uint8(int32(value + np.float32(0.5)))
        begin = base + step_channel * uintp(k)
        for x in range(size):
            j = begin + step * uintp(x)
            target[j] = entries[uintp(source[j])]


@kernel
@no_type_check
def count_levels(source, layout, c, size, rows, counts, four):
    """Compute histograms of each channel.

    Args:
        source: Bytes of the images.
        layout: 0 for planar, 1 for interleaved.
        c, size: Number of channels and of pixels.
        rows: Indices `[m]` of the images.
        counts: Output `[m, c, 256]`.
        four: Buffer `[4, 256]`.
    """
    step = uintp(c) if layout == 1 else uintp(1)
    step_channel = uintp(1) if layout == 1 else uintp(size)
    for r in range(len(rows)):
        for k in range(c):
            base = uintp(rows[r]) * uintp(c) * uintp(size) + step_channel * uintp(k)
            four[:] = 0
            # Four histograms avoid a dependency between equal neighboring pixels.
            for x in range(size // 4):
                i = base + step * uintp(4 * x)
                four[0, uintp(source[i])] += int32(1)
                four[1, uintp(source[i + step])] += int32(1)
                four[2, uintp(source[i + step + step])] += int32(1)
                four[3, uintp(source[i + uintp(3) * step])] += int32(1)
            for x in range(4 * (size // 4), size):
                four[0, uintp(source[base + step * uintp(x)])] += int32(1)
            for level in range(256):
                counts[r, k, level] = four[0, level] + four[1, level] + four[2, level] + four[3, level]
