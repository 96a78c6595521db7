"""Kernels of normalization, pooling and rectification of channels-last maps, and of two derivatives.

Arrays are `[n, h, w, c]` (maps), `[n, h // 2, w // 2, c]` (pooled maps) and `[n, c]` (one number per map). `argmax` is
the index of the largest of the four pixels of a window, 0 to 3, row by row; 4 where the result was not positive.
"""

from functools import partial
from typing import no_type_check

import numpy as np

from manyshot.runtime.jit import kernel

SECOND, FOURTH, NONE = np.int32(1), np.int32(3), np.int32(4)


@kernel
@no_type_check
def moments(maps, mean, spread):
    """Fill in the mean of each map and the sum of squared distances from it."""
    n, h, w, c = maps.shape
    for i in range(n):
        total, squares = np.zeros(c, maps.dtype), np.zeros(c, maps.dtype)
        for y in range(h):
            for x in range(w):
                for k in range(c):
                    total[k] += maps[i, y, x, k]
        for k in range(c):
            total[k] /= h * w
        for y in range(h):
            for x in range(w):
                for k in range(c):
                    away = maps[i, y, x, k] - total[k]
                    squares[k] += away * away
        mean[i], spread[i] = total, squares


@partial(kernel, finite=False)
@no_type_check
def pool(maps, scale, shift, pooled, argmax):
    """Fill in the maximum of `scale * map + shift` and 0 in each window, and its index.

    Of equal pixels the first counts. A window with NaN gives NaN, as in torch.
    """
    n, _, _, c = maps.shape
    rows, columns = pooled.shape[1], pooled.shape[2]
    for i in range(n):
        for y in range(rows):
            for x in range(columns):
                into, where = pooled[i, y, x], argmax[i, y, x]
                a, b = maps[i, 2 * y, 2 * x], maps[i, 2 * y, 2 * x + 1]
                d, e = maps[i, 2 * y + 1, 2 * x], maps[i, 2 * y + 1, 2 * x + 1]
                for k in range(c):
                    s, t = scale[i, k], shift[i, k]
                    za, zb, zd, ze = s * a[k] + t, s * b[k] + t, s * d[k] + t, s * e[k] + t
                    top = zb > za
                    upper = zb if top else za
                    bottom = ze > zd
                    lower = ze if bottom else zd
                    down = lower > upper
                    best = lower if down else upper
                    index = (np.uint8(3) if bottom else np.uint8(2)) if down else (np.uint8(1) if top else np.uint8(0))
                    wrong = ((za != za) | (zb != zb)) | ((zd != zd) | (ze != ze))
                    live = (best > 0) | wrong
                    into[k] = maps.dtype.type(np.nan) if wrong else (best if live else maps.dtype.type(0))
                    where[k] = index if live else np.uint8(4)


@kernel
@no_type_check
def gather(maps, argmax, mean, scale, taken):
    """Fill in `scale * (map - mean)` at the maximum of each window; at any of its pixels if the result is 0."""
    n, _, _, c = maps.shape
    rows, columns = taken.shape[1], taken.shape[2]
    for i in range(n):
        m, s = mean[i], scale[i]
        for y in range(rows):
            for x in range(columns):
                a, b = maps[i, 2 * y, 2 * x], maps[i, 2 * y, 2 * x + 1]
                d, e = maps[i, 2 * y + 1, 2 * x], maps[i, 2 * y + 1, 2 * x + 1]
                where, into = argmax[i, y, x], taken[i, y, x]
                for k in range(c):
                    p, va, vb, vd, ve = np.int32(where[k]), a[k], b[k], d[k], e[k]
                    upper = vb if p == SECOND else va
                    lower = ve if p == FOURTH else vd
                    into[k] = s[k] * ((lower if p > SECOND else upper) - m[k])


@kernel
@no_type_check
def pooled_sums(gradient, argmax, taken, total, product):
    """Fill in sum g and sum g x over the windows of each map, with their gradient g and the result x of `gather`."""
    n, rows, columns, c = gradient.shape
    zero = gradient.dtype.type(0)
    for i in range(n):
        first, second = np.zeros(c, gradient.dtype), np.zeros(c, gradient.dtype)
        for y in range(rows):
            for x in range(columns):
                where, g, t = argmax[i, y, x], gradient[i, y, x], taken[i, y, x]
                for k in range(c):
                    first[k] += g[k] if where[k] != NONE else zero
                for k in range(c):
                    second[k] += g[k] * t[k] if where[k] != NONE else zero
        total[i], product[i] = first, second


@kernel
@no_type_check
def spread(maps, argmax, gradient, taken, straight, constant, result):
    """Fill in `taken * scatter(gradient) + straight * map + constant`."""
    n, h, w, c = maps.shape
    rows, columns = gradient.shape[1], gradient.shape[2]
    zero = maps.dtype.type(0)
    for i in range(n):
        s, t, u = straight[i], constant[i], taken[i]
        for y in range(rows):
            for x in range(columns):
                where, g = argmax[i, y, x], gradient[i, y, x]
                for index in range(4):
                    a = maps[i, 2 * y + index // 2, 2 * x + index % 2]
                    r = result[i, 2 * y + index // 2, 2 * x + index % 2]
                    here = np.uint8(index)
                    for k in range(c):
                        live, rest = u[k] * g[k], s[k] * a[k] + t[k]
                        r[k] = rest + (live if where[k] == here else zero)
        for y in range(h):
            for x in range(2 * columns if y < 2 * rows else 0, w):
                a, r = maps[i, y, x], result[i, y, x]
                for k in range(c):
                    r[k] = s[k] * a[k] + t[k]


@kernel
@no_type_check
def spread_two(maps, argmax, gradient, taken, straight, constant, other, along, result):
    """Fill in `taken * scatter(gradient) + straight * map + constant + along * other`."""
    n, h, w, c = maps.shape
    spread(maps, argmax, gradient, taken, straight, constant, result)
    for i in range(n):
        s = along[i]
        for y in range(h):
            for x in range(w):
                a, r = other[i, y, x], result[i, y, x]
                for k in range(c):
                    r[k] += s[k] * a[k]


@kernel
@no_type_check
def sums(maps, other, mean, total, product):
    """Fill in sum v and sum v (x - mean) of each map, with x the map and v the other."""
    n, h, w, c = maps.shape
    for i in range(n):
        first, second, m = np.zeros(c, maps.dtype), np.zeros(c, maps.dtype), mean[i]
        for y in range(h):
            for x in range(w):
                a, v = maps[i, y, x], other[i, y, x]
                for k in range(c):
                    first[k] += v[k]
                for k in range(c):
                    second[k] += v[k] * (a[k] - m[k])
        total[i], product[i] = first, second


@kernel
@no_type_check
def blend(argmax, first, along_first, second, along_second, constant, result):
    """Fill in `along_first * first + along_second * second + constant` of each window; 0 where the pooled map is 0."""
    n, rows, columns, c = first.shape
    zero = first.dtype.type(0)
    for i in range(n):
        s, t, u = along_first[i], along_second[i], constant[i]
        for y in range(rows):
            for x in range(columns):
                where, a, b, r = argmax[i, y, x], first[i, y, x], second[i, y, x], result[i, y, x]
                for k in range(c):
                    value = s[k] * a[k] + t[k] * b[k] + u[k]
                    r[k] = value if where[k] != NONE else zero
