"""Per-image arithmetic on coordinates before pixels are processed."""

from typing import no_type_check

import numpy as np

from manyshot.augment.engine.kernels.intrinsics import exact_kernel

ROUNDING = 1e-9


@exact_kernel
@no_type_check
def chain_matrices(chain, h, w, border, chained, stages, work):
    """Multiply the matrices of a run of warps if no point leaves the image between them.

    Args:
        chain: Matrices `[k, n, 9]` from output to input, on coordinates from -1 to 1, last op first.
        h, w: Size of the images in pixels.
        border: Whether the padding mode is border; the image then ends at the centers of its outermost pixels.
        chained: Output `[n, k, 9]`: matrices in pixels, one per image or all of them.
        stages: Output `[n]`: number of matrices of each image.
        work: Buffer `[3, 9]`.
    """
    k, n = chain.shape[0], chain.shape[1]
    most_x = 1.0 - (1.0 / w if border else 0.0) + ROUNDING
    most_y = 1.0 - (1.0 / h if border else 0.0) + ROUNDING
    product, next_, pixel = work[0], work[1], work[2]
    for i in range(n):
        product[:] = chain[0, i]
        inside = True
        for stage in range(1, k):
            for corner in range(4):
                x = (1.0 - 1.0 / w) * (1 if corner % 2 else -1)
                y = (1.0 - 1.0 / h) * (1 if corner // 2 else -1)
                depth = product[6] * x + product[7] * y + product[8]
                a = product[0] * x + product[1] * y + product[2]
                b = product[3] * x + product[4] * y + product[5]
                if depth < 1e-3 or abs(a) > most_x * depth or abs(b) > most_y * depth:
                    inside = False
            _multiply(chain[stage, i], product, next_)
            product[:] = next_
        if inside:
            stages[i] = 1
            _to_pixels(product, h, w, pixel)
            chained[i, 0] = pixel
        else:
            stages[i] = k
            for stage in range(k):
                _to_pixels(chain[stage, i], h, w, pixel)
                chained[i, stage] = pixel


@exact_kernel
@no_type_check
def _multiply(a, b, out):
    for r in range(3):
        for c in range(3):
            out[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c]


@exact_kernel
@no_type_check
def _to_pixels(m, h, w, out):
    """Convert a matrix to pixel coordinates: pixel i of w lies at (2 i + 1) / w - 1."""
    sx, sy = 2.0 / w, 2.0 / h
    ox, oy = 1.0 / w - 1.0, 1.0 / h - 1.0
    for c in range(3):
        right = m[6 + c]
        out[c] = (m[c] - ox * right) / sx
        out[3 + c] = (m[3 + c] - oy * right) / sy
        out[6 + c] = right
    for r in range(3):
        across, down = out[3 * r], out[3 * r + 1]
        out[3 * r] = across * sx
        out[3 * r + 1] = down * sy
        out[3 * r + 2] += across * ox + down * oy


@exact_kernel
@no_type_check
def fill_rectangles(center, side, on, h, w, places):
    """Find the pixels whose centers lie in each rectangle.

    Args:
        center, side: `[n, k, 2]` (x, y), as drawn, in single precision like the op.
        on: Mask `[n]` of the images that change.
        h, w: Size of the images in pixels.
        places: Output `[n, k, 4]`: left, right, top, bottom.
    """
    n, k, _ = center.shape
    one, two = np.float32(1), np.float32(2)
    for i in range(n):
        for hole in range(k):
            for axis in range(2):
                length = w if axis == 0 else h
                size = np.float32(length)
                first, last = 0, 0
                if on[i]:
                    c, s = center[i, hole, axis], side[i, hole, axis]
                    # Estimate where it begins and ends, then adjust to the pixel by the rule of the op.
                    first = max(0, min(length, int((c - s + one) * size / two) - 1))
                    while first < length and not abs((np.float32(first) * two + one) / size - one - c) < s:
                        first += 1
                    last = max(first, min(length, int((c + s + one) * size / two) - 2))
                    while last < length and abs((np.float32(last) * two + one) / size - one - c) < s:
                        last += 1
                places[i, hole, 2 * axis] = first
                places[i, hole, 2 * axis + 1] = last
