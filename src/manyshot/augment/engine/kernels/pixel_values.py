"""Operations on the values of a strip of fetched pixels: color matrices, tables, holes."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint32, uint64, uintp

from manyshot.augment.engine.kernels.intrinsics import kernel, wide

ZERO, HALF, WHITE = np.float32(0), np.float32(0.5), np.float32(255)


@kernel
@no_type_check
def color_map(maps, mean_maps, uses_mean, i, c, mean, m):
    """Compute the color map of one image on levels, given its mean color: `c (c + 1)` numbers in `m`."""
    for k in range(c):
        offset = maps[i, k * (c + 1) + c]
        for j in range(c):
            m[k * (c + 1) + j] = maps[i, k * (c + 1) + j]
            if uses_mean:
                offset += mean_maps[i, k * c + j] * mean[j]
        m[k * (c + 1) + c] = offset


@kernel
@no_type_check
def apply_color_map(red, green, blue, m, count):
    """Apply one 3 x 4 matrix per pixel, then clamp."""
    wide()
    m0, m1, m2, m3, m4, m5 = m[0], m[1], m[2], m[3], m[4], m[5]
    m6, m7, m8, m9, m10, m11 = m[6], m[7], m[8], m[9], m[10], m[11]
    for x in range(count):
        r, g, b = red[x], green[x], blue[x]
        red[x] = min(max(m0 * r + m1 * g + m2 * b + m3, ZERO), WHITE)
        green[x] = min(max(m4 * r + m5 * g + m6 * b + m7, ZERO), WHITE)
        blue[x] = min(max(m8 * r + m9 * g + m10 * b + m11, ZERO), WHITE)


@kernel
@no_type_check
def apply_color_map_to_floats(red, green, blue, m, count, scale, shift, out, first, size):
    """Do `apply_color_map` and write three normalized planes of `size` from `first` on."""
    wide()
    m0, m1, m2, m3, m4, m5 = m[0], m[1], m[2], m[3], m[4], m[5]
    m6, m7, m8, m9, m10, m11 = m[6], m[7], m[8], m[9], m[10], m[11]
    s0, s1, s2, t0, t1, t2 = scale[0], scale[1], scale[2], shift[0], shift[1], shift[2]
    plane = uintp(size)
    for x in range(count):
        r, g, b = red[x], green[x], blue[x]
        i = first + uintp(x)
        out[i] = s0 * min(max(m0 * r + m1 * g + m2 * b + m3, ZERO), WHITE) + t0
        out[i + plane] = s1 * min(max(m4 * r + m5 * g + m6 * b + m7, ZERO), WHITE) + t1
        out[i + plane + plane] = s2 * min(max(m8 * r + m9 * g + m10 * b + m11, ZERO), WHITE) + t2


@kernel
@no_type_check
def apply_gain_and_offset(row, m, count):
    """Apply a gain and an offset, then clamp."""
    wide()
    gain, offset = m[0], m[1]
    for x in range(count):
        row[x] = min(max(gain * row[x] + offset, ZERO), WHITE)


@kernel
@no_type_check
def look_up(row, tables, which, channel, count):
    """Replace values by the table entry of the nearest level."""
    wide()
    table = tables[which, min(channel, tables.shape[1] - 1)]
    for x in range(count):
        row[x] = table[uintp(uint32(int32(row[x] + HALF)))]


@kernel
@no_type_check
def fill(row, first, count, value):
    """Fill a part of a row with one value."""
    begin = uintp(first)
    for x in range(count):
        row[begin + uintp(x)] = value


@kernel
@no_type_check
def fill_noise(row, first, count, seed, index, gain, offset):
    """Fill with uniform noise hashed from seed and index, like `manyshot.augment.image.corruption.noise.uniforms`."""
    start, begin = mix(seed), uintp(first)
    for x in range(count):
        bits = mix(start + uint64(index + x) * uint64(0x9E3779B97F4A7C15))
        value = float32(int32(uint32(bits & uint64(0xFFFFFF)) + uint32(1))) * np.float32(255 * 2.0**-24)
        row[begin + uintp(x)] = gain * value + offset


@kernel
@no_type_check
def mix(bits):
    """Apply the finalizer of SplitMix64."""
    bits = (bits ^ (bits >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> uint64(27))) * uint64(0x94D049BB133111EB)
    return bits ^ (bits >> uint64(31))


@kernel
@no_type_check
def cut(row, first, params, i, channel, top, lines, w, h, gain, offset):
    """Fill an image's holes in a strip of one channel.

    Args:
        row: Array that contains the strip.
        first: Offset of the strip in it.
        params: Pixel params of all images.
        i: Index of the image.
        channel: Channel of the image.
        top, lines: First row of the strip, and number of rows.
        w, h: Size of the image in pixels.
        gain, offset: Scale and shift of levels; 1 and 0 to keep levels.
    """
    for hole in range(params.holes.shape[1]):
        left, end = params.holes[i, hole, 0], params.holes[i, hole, 1]
        for y in range(max(top, params.holes[i, hole, 2]), min(top + lines, params.holes[i, hole, 3])):
            begin = first + (y - top) * w + left
            if params.fill_mode == 2:
                fill_noise(row, begin, end - left, uint64(params.seeds[i]), (channel * h + y) * w + left, gain, offset)
            else:
                fill(row, begin, end - left, gain * params.means[i, channel] + offset)
