"""The end of a strip: recolour it, look it up, cut holes, write it."""

from typing import no_type_check

import numpy as np
from numba import uintp

from manyshot.augment.engine.kernels import colours, packing
from manyshot.augment.engine.kernels.intrinsics import part

ZERO, ONE = np.float32(0), np.float32(1)


@part
@no_type_check
def finish(room, looks, sink, i, c, h, w, top, lines):
    """Carry a strip of values of one image to its end.

    Args:
        room: the values, in `red` (and `green` and `blue`), and the map of the image in `m`.
        looks, sink: see `room`.
        i: the image.
        c, h, w: of the images; c is 1 or 3.
        top, lines: the strip's first row, and how many.
    """
    count, first, size = lines * w, top * w, h * w
    base = uintp(i) * uintp(c) * uintp(size)
    if c == 3 and sink.floats.size > 0 and looks.recoloured[i] and looks.tabled[i] < 0:
        out = base + uintp(first)
        colours.recolour_to_floats(
            room.red, room.green, room.blue, room.m, count, sink.scale, sink.shift, sink.floats, out, size
        )
        if looks.holes.shape[1] > 0:
            for k in range(3):
                begin = (3 * i + k) * size + first
                colours.cut(sink.floats, begin, looks, i, k, top, lines, w, h, sink.scale[k], sink.shift[k])
        return
    if looks.recoloured[i]:
        if c == 3:
            colours.recolour(room.red, room.green, room.blue, room.m, count)
        else:
            colours.recolour_gray(room.red, room.m, count)
    if looks.tabled[i] >= 0:
        colours.look_up(room.red, looks.tables, looks.tabled[i], 0, count)
        if c == 3:
            colours.look_up(room.green, looks.tables, looks.tabled[i], 1, count)
            colours.look_up(room.blue, looks.tables, looks.tabled[i], 2, count)
    if looks.holes.shape[1] > 0:
        colours.cut(room.red, 0, looks, i, 0, top, lines, w, h, ONE, ZERO)
        if c == 3:
            colours.cut(room.green, 0, looks, i, 1, top, lines, w, h, ONE, ZERO)
            colours.cut(room.blue, 0, looks, i, 2, top, lines, w, h, ONE, ZERO)
    if sink.floats.size > 0:
        out = base + uintp(first)
        packing.write_floats(room.red, count, sink.floats, out, sink.scale[0], sink.shift[0])
        if c == 3:
            out += uintp(size)
            packing.write_floats(room.green, count, sink.floats, out, sink.scale[1], sink.shift[1])
            out += uintp(size)
            packing.write_floats(room.blue, count, sink.floats, out, sink.scale[2], sink.shift[2])
    elif c == 3:
        packing.write_colours(
            room.red, room.green, room.blue, count, room.words, sink.data, base, sink.layout, size, first
        )
    else:
        packing.write_gray(room.red, count, sink.data, base + uintp(first))
