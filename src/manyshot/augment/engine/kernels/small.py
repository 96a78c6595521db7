"""The little arithmetic that each image needs before its pixels are touched."""

from math import cos, pi, sin
from typing import no_type_check

import numpy as np

from manyshot.augment.engine.kernels.machine import exact_kernel, kernel

ROUNDING = 1e-9


@exact_kernel
@no_type_check
def chain_matrices(chain, h, w, border, chained, stages):
    """Multiply the maps of a run of warps, where no point leaves the frame between them.

    Args:
        chain: `[k, n, 9]` from output to input, on coordinates from -1 to 1, the last op's first.
        h, w: pixels.
        border: whether beyond the edge the border repeats: a picture then ends at the centres of its last pixels.
        chained: `[n, k, 9]` to fill: the maps in pixels, one an image or all of them.
        stages: `[n]` to fill: how many.
    """
    k, n = chain.shape[0], chain.shape[1]
    most_x = 1.0 - (1.0 / w if border else 0.0) + ROUNDING
    most_y = 1.0 - (1.0 / h if border else 0.0) + ROUNDING
    product, next_, pixel = np.empty(9), np.empty(9), np.empty(9)
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
    """The same map between pixels: pixel i of w lies at (2 i + 1) / w - 1."""
    sx, sy = 2.0 / w, 2.0 / h
    ox, oy = 1.0 / w - 1.0, 1.0 / h - 1.0
    half = np.empty(9)
    for r in range(3):
        half[3 * r] = m[3 * r] * sx
        half[3 * r + 1] = m[3 * r + 1] * sy
        half[3 * r + 2] = m[3 * r] * ox + m[3 * r + 1] * oy + m[3 * r + 2]
    for c in range(3):
        out[c] = (half[c] - ox * half[6 + c]) / sx
        out[3 + c] = (half[3 + c] - oy * half[6 + c]) / sy
        out[6 + c] = half[6 + c]


@kernel
@no_type_check
def chain_maps(linear, offset, pull, pulling, maps, pulls):
    """Multiply the colour maps of a run of ops.

    An op takes v to `L v + o + P m`, with m the mean of its input. After a run v is `A v + b + B m`, the mean
    `(A + B) m + b`; one more op makes that `L A`, `L b + o + P b` and `L B + P (A + B)`.

    Args:
        linear, offset, pull: `[k, n, c, c]`, `[k, n, c]` and `[k, n, c, c]` of each op.
        pulling: `[k]` whether an op looks at the mean; if not, its P is zero.
        maps: `[n, c (c + 1)]` to fill with A and b, on levels up to 255.
        pulls: `[n, c c]` to fill with B.
    """
    k, n, c = offset.shape
    zero = np.float32(0)
    column, mean = np.empty(c, np.float32), np.empty(c, np.float32)
    for i in range(n):
        own, pulled = maps[i], pulls[i]
        for r in range(c):
            for s in range(c):
                own[r * (c + 1) + s] = linear[0, i, r, s]
                pulled[r * c + s] = pull[0, i, r, s]
            own[r * (c + 1) + c] = offset[0, i, r]
        is_pulled = pulling[0]
        for stage in range(1, k):
            for s in range(c + 1):
                # A column of A, or b; and of B.
                for r in range(c):
                    column[r] = own[r * (c + 1) + s]
                    mean[r] = pulled[r * c + s] if s < c else zero
                for r in range(c):
                    value = offset[stage, i, r] if s == c else zero
                    for t in range(c):
                        value += linear[stage, i, r, t] * column[t]
                    if pulling[stage] and s == c:
                        for t in range(c):
                            value += pull[stage, i, r, t] * column[t]
                    own[r * (c + 1) + s] = value
                    if s < c and (is_pulled or pulling[stage]):
                        value = zero
                        for t in range(c):
                            value += linear[stage, i, r, t] * mean[t] + pull[stage, i, r, t] * (column[t] + mean[t])
                        pulled[r * c + s] = value
            is_pulled = is_pulled or pulling[stage]
        for r in range(c):
            own[r * (c + 1) + c] *= np.float32(255)


BRIGHTNESS, CONTRAST, SATURATION, HUE = 0, 1, 2, 3


@kernel
@no_type_check
def fill_maps(kind, values, on, luma, to_yiq, from_yiq, linear, offset, pull):
    """The maps of the four commonest changes of colour, as `maps` of their ops tells them.

    Args:
        kind: BRIGHTNESS, CONTRAST, SATURATION or HUE.
        values: `[n]` the drawn factor or turn.
        on: `[n]` which images change.
        luma: `[c]` shares of the channels in grey.
        to_yiq, from_yiq: `[3, 3]`.
        linear, offset, pull: `[n, c, c]`, `[n, c]` and `[n, c, c]` to fill; see `chain_maps`.
    """
    n, c = offset.shape
    part = np.empty((3, 3))
    for i in range(n):
        value = values[i]
        for r in range(c):
            offset[i, r] = 0.0
            for s in range(c):
                linear[i, r, s] = 1.0 if r == s else 0.0
                pull[i, r, s] = 0.0
        if not on[i]:
            continue
        if kind in (BRIGHTNESS, CONTRAST):
            for r in range(c):
                linear[i, r, r] = value
        if kind == CONTRAST:
            for r in range(c):
                for s in range(c):
                    pull[i, r, s] = (1.0 - value) * luma[s]
        elif kind == SATURATION and c == 3:
            for r in range(3):
                for s in range(3):
                    linear[i, r, s] = (value if r == s else 0.0) + (1.0 - value) * luma[s]
        elif kind == HUE and c == 3:
            a, b = cos(2 * pi * value), sin(2 * pi * value)
            for s in range(3):
                part[0, s] = to_yiq[0, s]
                part[1, s] = a * to_yiq[1, s] - b * to_yiq[2, s]
                part[2, s] = b * to_yiq[1, s] + a * to_yiq[2, s]
            for r in range(3):
                for s in range(3):
                    linear[i, r, s] = (
                        from_yiq[r, 0] * part[0, s] + from_yiq[r, 1] * part[1, s] + from_yiq[r, 2] * part[2, s]
                    )


@exact_kernel
@no_type_check
def fill_rectangles(centre, side, on, h, w, places):
    """The pixels whose centres lie in each rectangle.

    Args:
        centre, side: `[n, k, 2]` (x, y), as the op drew them, in single precision like the op.
        on: `[n]` which images change.
        h, w: pixels.
        places: `[n, k, 4]` to fill: left, right, top, bottom.
    """
    n, k, _ = centre.shape
    one, two = np.float32(1), np.float32(2)
    for i in range(n):
        for hole in range(k):
            for axis in range(2):
                length = w if axis == 0 else h
                size = np.float32(length)
                first, last = 0, 0
                if on[i]:
                    c, s = centre[i, hole, axis], side[i, hole, axis]
                    while first < length and not abs((np.float32(first) * two + one) / size - one - c) < s:
                        first += 1
                    last = first
                    while last < length and abs((np.float32(last) * two + one) / size - one - c) < s:
                        last += 1
                places[i, hole, 2 * axis] = first
                places[i, hole, 2 * axis + 1] = last
