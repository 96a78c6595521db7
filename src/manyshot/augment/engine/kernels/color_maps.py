"""Compose the color ops of each image into one map.

A color op maps v to `L v + o + P m`, with m the mean color of its input. After a chain of ops v is `A v + b + B m` and
the mean is `(A + B) m + b`; one more op changes A, b and B to `L A`, `L b + o + P b` and `L B + P (A + B)`.
"""

from math import cos, pi, sin
from typing import no_type_check

import numpy as np
from numba import float32

from manyshot.augment.engine.kernels.intrinsics import kernel

ZERO, ONE = np.float32(0), np.float32(1)
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0, 1, 2, 3


@kernel
@no_type_check
def begin(c, maps, mean_maps):
    """Initialize identity maps.

    Args:
        c: Number of channels.
        maps: Output `[n, c (c + 1)]`: A and b, row by row.
        mean_maps: Output `[n, c c]`: B, row by row.
    """
    for i in range(len(maps)):
        for k in range(c * (c + 1)):
            maps[i, k] = ONE if k % (c + 2) == 0 else ZERO
        for k in range(c * c):
            mean_maps[i, k] = ZERO


@kernel
@no_type_check
def add_any(linear, offset, mean_map, on, maps, mean_maps, work):
    """Append any color op.

    Args:
        linear, offset, mean_map: `[n, c, c]`, `[n, c]` and `[n, c, c]`: L, o (on levels) and P.
        on: Mask `[n]` of the images that change.
        maps, mean_maps: See `begin`; updated in place.
        work: Buffer `[2, c]`.
    """
    n, c = offset.shape
    column, mean = work[0], work[1]
    for i in range(n):
        if not on[i]:
            continue
        for s in range(c + 1):
            # A column of A and one of B; the last is b, which P also maps, as part of the mean.
            for r in range(c):
                column[r] = maps[i, r * (c + 1) + s]
                mean[r] = mean_maps[i, r * c + s] if s < c else ZERO
            for r in range(c):
                value, uses_mean = ZERO, ZERO
                for t in range(c):
                    value += linear[i, r, t] * column[t]
                    uses_mean += linear[i, r, t] * mean[t] + mean_map[i, r, t] * (column[t] + mean[t])
                if s < c:
                    maps[i, r * (c + 1) + s] = value
                    mean_maps[i, r * c + s] = uses_mean
                else:
                    maps[i, r * (c + 1) + s] = value + offset[i, r] + uses_mean


@kernel
@no_type_check
def add_gray(kind, values, on, maps, mean_maps):
    """Append one of the four most common color ops on images with one channel; see `add_color`."""
    for i in range(len(maps)):
        if not on[i] or kind > CONTRAST:
            continue
        factor = values[i]
        if kind == CONTRAST:
            # The offset b does not change: f b + (1 - f) b.
            mean_maps[i, 0] += (ONE - factor) * maps[i, 0]
        else:
            mean_maps[i, 0] *= factor
            maps[i, 1] *= factor
        maps[i, 0] *= factor


@kernel
@no_type_check
def add_color(kind, values, on, luma, to_yiq, from_yiq, maps, mean_maps):
    """Append one of the four most common color ops, like `maps` of the ops, on images with three channels.

    Args:
        kind: BRIGHTNESS, CONTRAST, SATURATION or HUE.
        values: Drawn factors or turns `[n]`.
        on: Mask `[n]` of the images that change.
        luma: Weights `[3]` of the channels in the luma.
        to_yiq, from_yiq: Matrices `[3, 3]`.
        maps, mean_maps: See `begin`; updated in place.
    """
    l0, l1, l2 = luma[0], luma[1], luma[2]
    for i in range(len(maps)):
        if not on[i]:
            continue
        value = values[i]
        if kind == HUE:
            a, b = float32(cos(2 * pi * value)), float32(sin(2 * pi * value))
            for s in range(7):
                x, y, z = _column(maps, mean_maps, i, s)
                luminance = to_yiq[0, 0] * x + to_yiq[0, 1] * y + to_yiq[0, 2] * z
                across = to_yiq[1, 0] * x + to_yiq[1, 1] * y + to_yiq[1, 2] * z
                down = to_yiq[2, 0] * x + to_yiq[2, 1] * y + to_yiq[2, 2] * z
                across, down = a * across - b * down, b * across + a * down
                _set_column(
                    maps, mean_maps, i, s,
                    from_yiq[0, 0] * luminance + from_yiq[0, 1] * across + from_yiq[0, 2] * down,
                    from_yiq[1, 0] * luminance + from_yiq[1, 1] * across + from_yiq[1, 2] * down,
                    from_yiq[2, 0] * luminance + from_yiq[2, 1] * across + from_yiq[2, 2] * down,
                )  # fmt: skip
            continue
        for s in range(6, -1, -1):
            x, y, z = _column(maps, mean_maps, i, s)
            gray = ZERO
            if kind != BRIGHTNESS:
                # Contrast uses the mean gray, saturation the gray of the pixel.
                gray = l0 * x + l1 * y + l2 * z
                if kind == CONTRAST:
                    if s < 3:
                        gray = ZERO
                    elif s < 6:
                        p, q, r = _column(maps, mean_maps, i, s - 3)
                        gray += l0 * p + l1 * q + l2 * r
                gray *= ONE - value
            _set_column(maps, mean_maps, i, s, value * x + gray, value * y + gray, value * z + gray)


@kernel
@no_type_check
def _column(maps, mean_maps, i, s):
    """Return a column of A (0 to 2), of B (3 to 5), or b (6)."""
    if s < 3:
        return maps[i, s], maps[i, 4 + s], maps[i, 8 + s]
    if s < 6:
        return mean_maps[i, s - 3], mean_maps[i, s], mean_maps[i, s + 3]
    return maps[i, 3], maps[i, 7], maps[i, 11]


@kernel
@no_type_check
def _set_column(maps, mean_maps, i, s, x, y, z):
    if s < 3:
        maps[i, s], maps[i, 4 + s], maps[i, 8 + s] = x, y, z
    elif s < 6:
        mean_maps[i, s - 3], mean_maps[i, s], mean_maps[i, s + 3] = x, y, z
    else:
        maps[i, 3], maps[i, 7], maps[i, 11] = x, y, z
