"""Two images into one: blended, or one pasted into the other."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint8, uintp

from manyshot.augment.engine.kernels.machine import kernel, wide


@kernel
@no_type_check
def blend(source, others, shares, each, target):
    """`share x + (1 - share) x'`, rounded, for images of `each` bytes."""
    wide()
    for i in range(len(others)):
        base, other = uintp(i) * uintp(each), uintp(others[i]) * uintp(each)
        share, rest = float32(shares[i]), float32(1) - float32(shares[i])
        for x in range(each):
            value = share * float32(source[base + uintp(x)]) + rest * float32(source[other + uintp(x)])
            target[base + uintp(x)] = uint8(int32(value + np.float32(0.5)))


@kernel
@no_type_check
def paste(source, others, places, planes, h, w, step, target):
    """A rectangle of another image in each image.

    Args:
        source, target: bytes of the images.
        others: `[n]` the place of the other.
        places: `[n, 1, 4]` left, right, top, bottom.
        planes: how many lie one after another in an image.
        h, w: pixels.
        step: bytes of a pixel in a plane.
    """
    wide()
    line = uintp(w) * uintp(step)
    each = uintp(planes) * uintp(h) * line
    for i in range(len(others)):
        base, other = uintp(i) * each, uintp(others[i]) * each
        for x in range(each):
            target[base + uintp(x)] = source[base + uintp(x)]
        left, right = places[i, 0, 0] * step, places[i, 0, 1] * step
        for k in range(planes):
            for y in range(places[i, 0, 2], places[i, 0, 3]):
                row = (uintp(k) * uintp(h) + uintp(y)) * line + uintp(left)
                for x in range(right - left):
                    target[base + row + uintp(x)] = source[other + row + uintp(x)]
