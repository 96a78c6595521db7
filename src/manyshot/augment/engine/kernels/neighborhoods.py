"""Loops over pixels and their neighbors."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint8, uint16, uintp

from manyshot.augment.engine.kernels.intrinsics import kernel, wide
from manyshot.augment.engine.kernels.packing import copy

ZERO, HALF, WHITE = np.float32(0), np.float32(0.5), np.float32(255)


@kernel
@no_type_check
def sharpen(data, rows, factors, planes, h, w, step, above, here, sums):
    """Blend chosen images with their smoothed copies, in place: see `manyshot.augment.image.Sharpness`.

    Args:
        data: Bytes of the images.
        rows: Indices `[m]` of the images.
        factors: Factors `[m]`.
        planes: Number of planes per image.
        h, w: Size of the images in pixels.
        step: Bytes per pixel in a plane.
        above, here: Buffers of `w step` bytes.
        sums: Buffer of `w step` numbers.
    """
    line = w * step
    each = uintp(planes) * uintp(h) * uintp(line)
    if h < 3 or w < 3:
        return
    for r in range(len(rows)):
        keep = float32(factors[r])
        for k in range(planes):
            base = uintp(rows[r]) * each + uintp(k) * uintp(h) * uintp(line)
            copy(data, base, above, uintp(0), line)
            for y in range(1, h - 1):
                # The row above has already changed; its original is in `above`.
                begin = base + uintp(y) * uintp(line)
                copy(data, begin, here, uintp(0), line)
                _add_three(above, here, data, begin + uintp(line), line, sums)
                _sharpen_row(here, sums, keep, line, step, data, begin)
                above, here = here, above


@kernel
@no_type_check
def _add_three(above, here, data, below, count, sums):
    """Sum three rows."""
    wide()
    for x in range(count):
        sums[x] = uint16(above[x]) + uint16(here[x]) + uint16(data[below + uintp(x)])


@kernel
@no_type_check
def _sharpen_row(here, sums, keep, count, step, data, begin):
    """Sharpen the inner pixels of a row: `keep x + (1 - keep) s`, s the mean in which x has weight five."""
    wide()
    add = (float32(1) - keep) / np.float32(13)
    own = keep + np.float32(4) * add
    next_, over = uintp(step), uintp(2 * step)
    for x in range(count - 2 * step):
        i = uintp(x)
        around = int32(sums[i]) + int32(sums[i + next_]) + int32(sums[i + over])
        value = own * float32(here[i + next_]) + add * float32(around)
        data[begin + next_ + i] = uint8(int32(min(max(value, ZERO), WHITE) + HALF))
