"""One pass over images with any number of channels and any size, directly from bytes: slow, and rarely needed."""

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numba import float32, int32, uint8, uintp

from manyshot.augment.engine.kernels import pixel_values, points
from manyshot.augment.engine.kernels.intrinsics import kernel
from manyshot.augment.engine.kernels.warps import load_matrix
from manyshot.augment.engine.kernels.workspace import MATRIX, MOVE, STAY

ZERO, HALF, WHITE = np.float32(0), np.float32(0.5), np.float32(255)


class Rows(NamedTuple):
    """Buffers for one row of an image; `row`, `mean`, `mixed` and `sums` have one entry per channel."""

    row: Any
    u: Any
    v: Any
    gone: Any
    column: Any
    line: Any
    matrix: Any
    m: Any
    mean: Any
    mixed: Any
    sums: Any


def make_rows(c: int, w: int) -> Rows:
    """Allocate buffers for images with any number of channels."""
    row = np.empty((c, w), np.float32)
    u, v, gone = np.empty((3, w), np.float32)
    column, line = np.arange(w, dtype=np.float32), np.zeros(w, np.float32)
    m, (mean, mixed) = np.empty(c * (c + 1), np.float32), np.empty((2, c), np.float32)
    return Rows(row, u, v, gone, column, line, np.empty(9, np.float32), m, mean, mixed, np.empty(c))


@kernel
@no_type_check
def run_rows(source, layout, n, c, h, w, moves, params, output, work):
    """Fetch, map colors, look up, fill holes and write n images, one row at a time.

    Args:
        source: Bytes of the images, not shared with the output.
        layout: 0 for planar (nchw), 1 for interleaved (nhwc).
        n, c, h, w: Shape of the images.
        moves, params, output: See `workspace`.
        work: Arrays from `make_rows`.
    """
    for i in range(n):
        _run_image(source, layout, moves, params, output, work, i, c, h, w)


@kernel
@no_type_check
def _run_image(source, layout, moves, params, output, work, i, c, h, w):
    size = h * w
    base = uintp(i) * uintp(c) * uintp(size)
    step = uintp(c) if layout == 1 else uintp(1)
    step_channel = uintp(1) if layout == 1 else uintp(size)
    row, sums = work.row, work.sums
    sums[:] = 0
    uses_mean = params.uses_mean[i] != 0
    for phase in range(0 if uses_mean else 1, 2):
        if phase == 1 and params.has_color_map[i]:
            for k in range(c):
                work.mean[k] = sums[k] / size
            pixel_values.color_map(params.maps, params.mean_maps, uses_mean, i, c, work.mean, work.m)
        for y in range(h):
            if moves.kinds[i] >= MATRIX:
                _aim(moves, i, y, h, w, work)
            for k in range(c):
                own, start = row[k], base + step_channel * uintp(k)
                if moves.kinds[i] == STAY:
                    for x in range(w):
                        own[x] = source[start + step * uintp(y * w + x)]
                elif moves.kinds[i] == MOVE:
                    _move(source, start, step, moves, i, y, w, own)
                else:
                    _blend(source, start, step, moves.paddings[i], work.u, work.v, h, w, own)
                if phase == 0:
                    for x in range(w):
                        sums[k] += own[x]
            if phase == 0:
                continue
            if params.has_color_map[i]:
                _apply_color_map(row, work.m, c, w, work.mixed)
            for k in range(c):
                own = row[k]
                if params.table_index[i] >= 0:
                    pixel_values.look_up(own, params.tables, params.table_index[i], k, w)
                pixel_values.cut(own, 0, params, i, k, y, 1, w, h, np.float32(1), ZERO)
                if output.floats.size > 0:
                    out = base + uintp(k * size + y * w)
                    for x in range(w):
                        output.floats[out + uintp(x)] = own[x] * output.scale[k] + output.shift[k]
                else:
                    out = base + step_channel * uintp(k) + step * uintp(y * w)
                    for x in range(w):
                        output.data[out + step * uintp(x)] = uint8(int32(own[x] + HALF))


@kernel
@no_type_check
def _aim(moves, i, y, h, w, work):
    """Compute the source points of one row; points that stay black are far outside."""
    u, v, gone, matrix = work.u, work.v, work.gone, work.matrix
    padding = moves.paddings[i]
    if moves.kinds[i] != MATRIX:
        points.read_points(moves.at, i, y, 1, w, u, v)
    else:
        load_matrix(moves.matrices, i, 0, matrix)
        points.transform(matrix, float32(y), work.column, work.line, w, u, v)
        if moves.fields.shape[0] > 0:
            points.displace(moves.fields, i, moves.basis_across, moves.basis_down, y, 1, w, u, v)
        gone[:] = ZERO
        for stage in range(1, moves.stages[i]):
            points.apply_padding(padding, w, h, w, u, v, gone)
            load_matrix(moves.matrices, i, stage, matrix)
            points.transform_again(matrix, w, u, v)
        points.move_outside(gone, w, u)
    if padding == points.PAD_REFLECTION:
        points.reflect(w, w, u)
        points.reflect(h, w, v)


@kernel
@no_type_check
def _move(source, start, step, moves, i, y, w, row):
    """Copy whole pixels; a negative index is black."""
    for x in range(w):
        down, across = moves.rows[i, y], moves.columns[i, x]
        if moves.turned[i]:
            down, across = across, down
        row[x] = float32(source[start + step * uintp(down * w + across)]) if down >= 0 and across >= 0 else ZERO


@kernel
@no_type_check
def _blend(source, start, step, padding, u, v, h, w, row):
    """Interpolate bilinearly; beyond the image values are black, or those of the border."""
    black = padding == points.PAD_ZEROS
    for x in range(w):
        a, b = min(max(u[x], np.float32(-1)), float32(w)), min(max(v[x], np.float32(-1)), float32(h))
        if not black:
            a, b = min(max(a, ZERO), float32(w - 1)), min(max(b, ZERO), float32(h - 1))
        left, top = int(np.floor(a)), int(np.floor(b))
        across, down = a - float32(left), b - float32(top)
        value = ZERO
        for q in range(2):
            for p in range(2):
                column, line = left + p, top + q
                weight = (across if p else np.float32(1) - across) * (down if q else np.float32(1) - down)
                if 0 <= column < w and 0 <= line < h:
                    value += weight * float32(source[start + step * uintp(line * w + column)])
        row[x] = value


@kernel
@no_type_check
def _apply_color_map(row, m, c, count, mixed):
    """Apply one matrix per pixel, then clamp."""
    for x in range(count):
        for k in range(c):
            value = m[k * (c + 1) + c]
            for j in range(c):
                value += m[k * (c + 1) + j] * row[j, x]
            mixed[k] = min(max(value, ZERO), WHITE)
        for k in range(c):
            row[k, x] = mixed[k]
