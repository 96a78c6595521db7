"""Last stages of a strip: color map, table, holes, output."""

from typing import no_type_check

import numpy as np
from numba import uintp

from manyshot.augment.engine.kernels import packing, pixel_values
from manyshot.augment.engine.kernels.intrinsics import part

ZERO, ONE = np.float32(0), np.float32(1)


@part
@no_type_check
def finish(work, params, output, i, c, h, w, top, lines):
    """Apply color map, table and holes to a strip of one image, and write it.

    Args:
        work: Workspace with the values in `red` (and `green` and `blue`), and the color map of the image in `m`.
        params, output: See `workspace`.
        i: Index of the image.
        c, h, w: Shape of the images; c is 1 or 3.
        top, lines: First row of the strip, and number of rows.
    """
    count, first, size = lines * w, top * w, h * w
    base = uintp(i) * uintp(c) * uintp(size)
    if c == 3 and output.floats.size > 0 and params.has_color_map[i] and params.table_index[i] < 0:
        out = base + uintp(first)
        pixel_values.apply_color_map_to_floats(
            work.red, work.green, work.blue, work.m, count, output.scale, output.shift, output.floats, out, size
        )
        if params.holes.shape[1] > 0:
            for k in range(3):
                begin = (3 * i + k) * size + first
                pixel_values.cut(output.floats, begin, params, i, k, top, lines, w, h, output.scale[k], output.shift[k])
        return
    if params.has_color_map[i]:
        if c == 3:
            pixel_values.apply_color_map(work.red, work.green, work.blue, work.m, count)
        else:
            pixel_values.apply_gain_and_offset(work.red, work.m, count)
    if params.table_index[i] >= 0:
        pixel_values.look_up(work.red, params.tables, params.table_index[i], 0, count)
        if c == 3:
            pixel_values.look_up(work.green, params.tables, params.table_index[i], 1, count)
            pixel_values.look_up(work.blue, params.tables, params.table_index[i], 2, count)
    if params.holes.shape[1] > 0:
        pixel_values.cut(work.red, 0, params, i, 0, top, lines, w, h, ONE, ZERO)
        if c == 3:
            pixel_values.cut(work.green, 0, params, i, 1, top, lines, w, h, ONE, ZERO)
            pixel_values.cut(work.blue, 0, params, i, 2, top, lines, w, h, ONE, ZERO)
    if output.floats.size > 0:
        out = base + uintp(first)
        packing.write_floats(work.red, count, output.floats, out, output.scale[0], output.shift[0])
        if c == 3:
            out += uintp(size)
            packing.write_floats(work.green, count, output.floats, out, output.scale[1], output.shift[1])
            out += uintp(size)
            packing.write_floats(work.blue, count, output.floats, out, output.scale[2], output.shift[2])
    elif c == 3:
        packing.write_color(
            work.red, work.green, work.blue, count, work.words, output.data, base, output.layout, size, first
        )
    else:
        packing.write_gray(work.red, count, output.data, base + uintp(first))
