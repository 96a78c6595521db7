"""Loops over pixels and their neighbours."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint8, uintp

from manyshot.augment.engine.kernels.machine import kernel, wide


@kernel
@no_type_check
def sharpen(data, rows, factors, planes, h, w, step):
    """Blend chosen images with their smoothed copies, in place: see `manyshot.augment.image.Sharpness`.

    Args:
        data: bytes of the images.
        rows: `[m]` which images.
        factors: `[m]`.
        planes: how many lie one after another in an image.
        h, w: pixels.
        step: bytes of a pixel in a plane.
    """
    wide()
    line = w * step
    each = uintp(planes) * uintp(h) * uintp(line)
    above, here = np.empty(line, np.uint8), np.empty(line, np.uint8)
    for r in range(len(rows)):
        keep, add = float32(factors[r]), (float32(1) - float32(factors[r])) / np.float32(13)
        for k in range(planes):
            base = uintp(rows[r]) * each + uintp(k) * uintp(h) * uintp(line)
            if h < 3 or w < 3:
                continue
            above[:] = data[base : base + uintp(line)]
            for y in range(1, h - 1):
                # The rows above are changed already: what they were is kept aside.
                begin = base + uintp(y) * uintp(line)
                here[:] = data[begin : begin + uintp(line)]
                below = data[begin + uintp(line) : begin + uintp(2 * line)]
                out = data[begin + uintp(step) : begin + uintp(line - step)]
                a, b, c = above[step:], here[step:], below[step:]
                d, e, f = above[2 * step :], here[2 * step :], below[2 * step :]
                for x in range(line - 2 * step):
                    around = (
                        int32(above[x]) + int32(here[x]) + int32(below[x]) + int32(a[x]) + int32(c[x])
                        + int32(d[x]) + int32(e[x]) + int32(f[x])
                    )  # fmt: skip
                    middle = int32(b[x])
                    value = keep * float32(middle) + add * float32(int32(around + 5 * middle))
                    out[x] = uint8(int32(min(max(value, np.float32(0)), np.float32(255)) + np.float32(0.5)))
                above, here = here, above
