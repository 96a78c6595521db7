"""Bilinear interpolation, one strip at a time: gather the pixels around each point, then interpolate between them.

Gathering and interpolating are separate loops: the first is a sequence of loads, the second vector code.
"""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint32, uintp

from manyshot.augment.engine.kernels.intrinsics import kernel, load16, load64, wide

ZERO, HALF = np.float32(0), np.float32(0.5)
FINE = np.float32(4)
"""Packed values have ten bits: quarters of a level."""
COARSE = np.float32(1 / 4)


@kernel
@no_type_check
def gather(packed, index, count, stride, upper, lower):
    """Gather the four pixels around each point as two 64-bit words: a pixel and its right neighbor, and those below."""
    wide()
    down = uintp(4) * uintp(stride)
    # Unrolled by hand: LLVM does not unroll this loop, and the loop counter costs as much as the loads.
    for k in range(count // 4):
        x = 4 * k
        i, j = uintp(4) * uintp(uint32(index[x])), uintp(4) * uintp(uint32(index[x + 1]))
        m, n = uintp(4) * uintp(uint32(index[x + 2])), uintp(4) * uintp(uint32(index[x + 3]))
        a, b, c, d = load64(packed, i), load64(packed, j), load64(packed, m), load64(packed, n)
        e, f, g, h = (
            load64(packed, i + down),
            load64(packed, j + down),
            load64(packed, m + down),
            load64(packed, n + down),
        )
        upper[x], upper[x + 1], upper[x + 2], upper[x + 3] = a, b, c, d
        lower[x], lower[x + 1], lower[x + 2], lower[x + 3] = e, f, g, h
    for x in range(4 * (count // 4), count):
        i = uintp(4) * uintp(uint32(index[x]))
        upper[x] = load64(packed, i)
        lower[x] = load64(packed, i + down)


@kernel
@no_type_check
def interpolate(upper, lower, across, down, count, red, green, blue):
    """Blend gathered words bilinearly; `upper` and `lower` are the same buffers read as 32-bit words."""
    wide()
    # Green is not shifted in its word, so it is 256 times too large; its weight corrects that.
    low, middle, shift = uint32(255), uint32(0xFF00), np.float32(1 / 256)
    for x in range(count):
        d = down[x] * across[x]
        c = down[x] - d
        b = across[x] - d
        a = float32(1) - down[x] - b
        p, q, r, s = upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]
        red[x] = (
            float32(int32(p & low)) * a
            + float32(int32(q & low)) * b
            + float32(int32(r & low)) * c
            + float32(int32(s & low)) * d
        )
        green[x] = shift * (
            float32(int32(p & middle)) * a
            + float32(int32(q & middle)) * b
            + float32(int32(r & middle)) * c
            + float32(int32(s & middle)) * d
        )
        blue[x] = (
            float32(int32(p >> uint32(16))) * a
            + float32(int32(q >> uint32(16))) * b
            + float32(int32(r >> uint32(16))) * c
            + float32(int32(s >> uint32(16))) * d
        )


@kernel
@no_type_check
def gather_gray(padded, index, count, stride, four):
    """Gather the four bytes around each point as one word."""
    wide()
    down = uintp(stride)
    for x in range(count):
        i = uintp(uint32(index[x]))
        four[x] = uint32(load16(padded, i)) | (uint32(load16(padded, i + down)) << uint32(16))


@kernel
@no_type_check
def interpolate_gray(four, across, down, count, row):
    """Blend gathered words bilinearly."""
    wide()
    low = uint32(255)
    for x in range(count):
        word = four[x]
        a, b = float32(int32(word & low)), float32(int32((word >> uint32(8)) & low))
        c, d = float32(int32((word >> uint32(16)) & low)), float32(int32(word >> uint32(24)))
        top, bottom = a + (b - a) * across[x], c + (d - c) * across[x]
        row[x] = top + (bottom - top) * down[x]


@kernel
@no_type_check
def interpolate_across(packed, index, first, stride, rows, w, right, pairs, halves, begin, red, green, blue):
    """Resample whole rows of an image along the row.

    Args:
        packed: Packed image.
        index, right: Column of the left neighbor and weight of the right neighbor of each output pixel, repeated for
            all rows.
        first: First row in the packed image.
        stride: Words per row.
        rows: Number of rows.
        w: Pixels per output row.
        pairs: Buffer of 64-bit words; `halves` is the same buffer as 32-bit words.
        begin: Offset of the results in `red`, `green` and `blue`.
    """
    wide()
    for y in range(rows):
        line, out = uintp(4) * uintp(first + y) * uintp(stride), uintp(y) * uintp(w)
        for quarter in range(w // 4):
            x = uintp(4) * uintp(quarter)
            i, j = uintp(4) * uintp(uint32(index[x])), uintp(4) * uintp(uint32(index[x + uintp(1)]))
            m, n = uintp(4) * uintp(uint32(index[x + uintp(2)])), uintp(4) * uintp(uint32(index[x + uintp(3)]))
            p, q, r, s = (
                load64(packed, line + i),
                load64(packed, line + j),
                load64(packed, line + m),
                load64(packed, line + n),
            )
            o = out + x
            pairs[o], pairs[o + uintp(1)], pairs[o + uintp(2)], pairs[o + uintp(3)] = p, q, r, s
        for x in range(4 * (w // 4), w):
            pairs[out + uintp(x)] = load64(packed, line + uintp(4) * uintp(uint32(index[x])))
    low, middle, shift = uint32(255), uint32(0xFF00), np.float32(1 / 256)
    start = uintp(begin)
    for x in range(rows * w):
        b = right[x]
        a = float32(1) - b
        p, q = halves[2 * x], halves[2 * x + 1]
        o = start + uintp(x)
        red[o] = float32(int32(p & low)) * a + float32(int32(q & low)) * b
        green[o] = shift * (float32(int32(p & middle)) * a + float32(int32(q & middle)) * b)
        blue[o] = float32(int32(p >> uint32(16))) * a + float32(int32(q >> uint32(16))) * b


@kernel
@no_type_check
def interpolate_across_gray(padded, index, first, stride, rows, w, right, pairs, begin, row):
    """Do `interpolate_across` for one channel; `pairs` is a buffer of 32-bit words."""
    wide()
    for y in range(rows):
        line = uintp(first + y) * uintp(stride)
        out = y * w
        for x in range(w):
            pairs[out + x] = uint32(load16(padded, line + uintp(uint32(index[x]))))
    low = uint32(255)
    start = uintp(begin)
    for x in range(rows * w):
        a, b = float32(int32(pairs[x] & low)), float32(int32(pairs[x] >> uint32(8)))
        row[start + uintp(x)] = a + (b - a) * right[x]


@kernel
@no_type_check
def interpolate_down(rows, upper, weight, top, slots, lines, w, out):
    """Blend pairs of resampled rows.

    Args:
        rows: Resampled rows of the input, row r in slot `r % slots`.
        upper: Index of the upper row of each output row.
        weight: Weight of the lower row of each output row.
        top: First output row.
        slots: Number of slots in `rows`.
        lines: Number of output rows.
        w: Pixels per row.
        out: Output, row by row.
    """
    wide()
    for y in range(lines):
        begin, after = uintp(upper[top + y] % slots) * uintp(w), uintp((upper[top + y] + 1) % slots) * uintp(w)
        to, b = uintp(y) * uintp(w), weight[top + y]
        for x in range(w):
            a = rows[begin + uintp(x)]
            out[to + uintp(x)] = a + (rows[after + uintp(x)] - a) * b


@kernel
@no_type_check
def interpolate_down_color(reds, greens, blues, upper, weight, top, slots, lines, w, red, green, blue):
    """Do `interpolate_down` for three channels."""
    wide()
    for y in range(lines):
        begin, after = uintp(upper[top + y] % slots) * uintp(w), uintp((upper[top + y] + 1) % slots) * uintp(w)
        to, b = uintp(y) * uintp(w), weight[top + y]
        a = float32(1) - b
        for x in range(w):
            red[to + uintp(x)] = a * reds[begin + uintp(x)] + b * reds[after + uintp(x)]
            green[to + uintp(x)] = a * greens[begin + uintp(x)] + b * greens[after + uintp(x)]
            blue[to + uintp(x)] = a * blues[begin + uintp(x)] + b * blues[after + uintp(x)]


@kernel
@no_type_check
def total(row, count):
    """Sum a float row."""
    wide()
    sum_ = ZERO
    for x in range(count):
        sum_ += row[x]
    return sum_


@kernel
@no_type_check
def pack_floats(red, green, blue, count, packed_floats, first):
    """Pack three float rows into words of three times ten bits."""
    wide()
    start = uintp(first)
    for x in range(count):
        packed_floats[start + uintp(x)] = (
            uint32(int32(red[x] * FINE + HALF))
            | (uint32(int32(green[x] * FINE + HALF)) << uint32(10))
            | (uint32(int32(blue[x] * FINE + HALF)) << uint32(20))
        )


@kernel
@no_type_check
def unpack_floats(packed_floats, first, count, red, green, blue):
    """Unpack words of three times ten bits into float rows."""
    wide()
    low = uint32(1023)
    start = uintp(first)
    for x in range(count):
        word = packed_floats[start + uintp(x)]
        red[x] = COARSE * float32(int32(word & low))
        green[x] = COARSE * float32(int32((word >> uint32(10)) & low))
        blue[x] = COARSE * float32(int32(word >> uint32(20)))
