"""Loops over a strip of pixels: from bytes to float rows, from float rows to bytes.

A strip is a few whole rows of an image, read as one run of pixels, so that small images fill the vectors too. Each loop
does one thing, which LLVM turns into vector code. Values are levels, 0 to 255.
"""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint8, uint32, uint64, uintp

from manyshot.augment.engine.kernels.machine import kernel, load16, load32, load64, store32, wide

ZERO, ONE, HALF, WHITE = np.float32(0), np.float32(1), np.float32(0.5), np.float32(255)
FINE = np.float32(4)
"""A stashed value has ten bits: quarters of a level."""
COARSE = np.float32(1 / 4)


@kernel
@no_type_check
def pack_interleaved(source, base, packed, count):
    """Red, green, blue, red, ... from a byte offset on, to one word a pixel."""
    wide()
    low = uint32(0xFFFFFF)
    for k in range(count // 4):
        i = base + uintp(12) * uintp(k)
        a, b, c = load32(source, i), load32(source, i + uintp(4)), load32(source, i + uintp(8))
        packed[4 * k] = a & low
        packed[4 * k + 1] = ((a >> uint32(24)) | (b << uint32(8))) & low
        packed[4 * k + 2] = ((b >> uint32(16)) | (c << uint32(16))) & low
        packed[4 * k + 3] = c >> uint32(8)
    for x in range(4 * (count // 4), count):
        i = base + uintp(3) * uintp(x)
        packed[x] = (
            uint32(source[i])
            | (uint32(source[i + uintp(1)]) << uint32(8))
            | (uint32(source[i + uintp(2)]) << uint32(16))
        )


@kernel
@no_type_check
def pack_planes(source, base, plane, packed, count):
    """Three planes, `plane` bytes apart, to one word a pixel."""
    wide()
    for x in range(count):
        i = base + uintp(x)
        packed[x] = (
            uint32(source[i])
            | (uint32(source[i + plane]) << uint32(8))
            | (uint32(source[i + plane + plane]) << uint32(16))
        )


@kernel
@no_type_check
def unpack(packed, count, red, green, blue):
    """Words to float rows."""
    wide()
    low = uint32(255)
    for x in range(count):
        word = packed[x]
        red[x] = float32(int32(word & low))
        green[x] = float32(int32((word >> uint32(8)) & low))
        blue[x] = float32(int32(word >> uint32(16)))


@kernel
@no_type_check
def widen(source, base, count, row):
    """Bytes to a float row."""
    wide()
    for x in range(count):
        row[x] = float32(source[base + uintp(x)])


@kernel
@no_type_check
def widen_every(source, base, step, count, row):
    """Every `step`-th byte to a float row."""
    wide()
    for x in range(count):
        row[x] = float32(source[base + step * uintp(x)])


@kernel
@no_type_check
def gather_packed(packed, place, count, below, upper, lower):
    """The four pixels around each point as two words of 64 bits: a pixel and its right neighbour."""
    wide()
    down = uintp(4) * below
    # Four at a time by hand: LLVM does not unroll this loop, and counting costs as much as fetching.
    for k in range(count // 4):
        x = 4 * k
        i, j = uintp(4) * uintp(uint32(place[x])), uintp(4) * uintp(uint32(place[x + 1]))
        m, n = uintp(4) * uintp(uint32(place[x + 2])), uintp(4) * uintp(uint32(place[x + 3]))
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
        i = uintp(4) * uintp(uint32(place[x]))
        upper[x] = load64(packed, i)
        lower[x] = load64(packed, i + down)


@kernel
@no_type_check
def blend_packed(upper, lower, across, down, cover, count, red, green, blue):
    """Bilinear blend of gathered words; `upper` and `lower` are the same buffers read as words of 32 bits."""
    wide()
    # Green stays where it is in its word, 256 times too large; its weight mends that.
    low, middle, share = uint32(255), uint32(0xFF00), np.float32(1 / 256)
    for x in range(count):
        bottom = cover[x] * down[x]
        top = cover[x] - bottom
        d = bottom * across[x]
        c = bottom - d
        b = top * across[x]
        a = top - b
        p, q, r, s = upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]
        red[x] = (
            float32(int32(p & low)) * a
            + float32(int32(q & low)) * b
            + float32(int32(r & low)) * c
            + float32(int32(s & low)) * d
        )
        green[x] = share * (
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
def gather_gray(source, base, place, count, below, four):
    """The four pixels around each point of one plane as one word."""
    wide()
    for x in range(count):
        i = base + uintp(uint32(place[x]))
        four[x] = uint32(load16(source, i)) | (uint32(load16(source, i + below)) << uint32(16))


@kernel
@no_type_check
def blend_gray(four, across, down, cover, count, row):
    """Bilinear blend of gathered words."""
    wide()
    low = uint32(255)
    for x in range(count):
        word = four[x]
        a, b = float32(int32(word & low)), float32(int32((word >> uint32(8)) & low))
        c, d = float32(int32((word >> uint32(16)) & low)), float32(int32(word >> uint32(24)))
        top, bottom = a + (b - a) * across[x], c + (d - c) * across[x]
        row[x] = (top + (bottom - top) * down[x]) * cover[x]


@kernel
@no_type_check
def blend_scattered(source, base, step, place, across, down, cover, count, right, below, row):
    """Bilinear blend straight from bytes that lie `step` apart: slow, for any layout and any size."""
    wide()
    for x in range(count):
        i = base + step * uintp(uint32(place[x]))
        a, b = float32(source[i]), float32(source[i + step * right])
        c, d = float32(source[i + step * below]), float32(source[i + step * (below + right)])
        top, bottom = a + (b - a) * across[x], c + (d - c) * across[x]
        row[x] = (top + (bottom - top) * down[x]) * cover[x]


@kernel
@no_type_check
def move_packed(packed, place, count, out):
    """Whole pixels to new places; a negative place is black."""
    wide()
    for x in range(count):
        i = place[x]
        out[x] = packed[uintp(uint32(max(i, int32(0))))] if i >= 0 else uint32(0)


@kernel
@no_type_check
def move_scattered(source, base, step, place, count, row):
    """Whole values to new places; a negative place is black."""
    wide()
    for x in range(count):
        i = place[x]
        row[x] = float32(source[base + step * uintp(uint32(max(i, int32(0))))]) if i >= 0 else ZERO


@kernel
@no_type_check
def total(row, count):
    """The sum of a float row."""
    wide()
    sum_ = ZERO
    for x in range(count):
        sum_ += row[x]
    return sum_


@kernel
@no_type_check
def blend_stash(upper, lower, across, down, cover, count, stashed):
    """`blend_packed` to words of three times ten bits; returns the sums of red, green and blue."""
    wide()
    low, middle, share = uint32(255), uint32(0xFF00), np.float32(1 / 256)
    red, green, blue = ZERO, ZERO, ZERO
    for x in range(count):
        bottom = cover[x] * down[x]
        top = cover[x] - bottom
        d = bottom * across[x]
        c = bottom - d
        b = top * across[x]
        a = top - b
        p, q, r, s = upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]
        v0 = (
            float32(int32(p & low)) * a
            + float32(int32(q & low)) * b
            + float32(int32(r & low)) * c
            + float32(int32(s & low)) * d
        )
        v1 = share * (
            float32(int32(p & middle)) * a
            + float32(int32(q & middle)) * b
            + float32(int32(r & middle)) * c
            + float32(int32(s & middle)) * d
        )
        v2 = (
            float32(int32(p >> uint32(16))) * a
            + float32(int32(q >> uint32(16))) * b
            + float32(int32(r >> uint32(16))) * c
            + float32(int32(s >> uint32(16))) * d
        )
        red += v0
        green += v1
        blue += v2
        stashed[x] = (
            uint32(int32(v0 * FINE + HALF))
            | (uint32(int32(v1 * FINE + HALF)) << uint32(10))
            | (uint32(int32(v2 * FINE + HALF)) << uint32(20))
        )
    return red, green, blue


@kernel
@no_type_check
def stash(red, green, blue, stashed, count):
    """Float rows to words of three times ten bits."""
    wide()
    for x in range(count):
        stashed[x] = (
            uint32(int32(red[x] * FINE + HALF))
            | (uint32(int32(green[x] * FINE + HALF)) << uint32(10))
            | (uint32(int32(blue[x] * FINE + HALF)) << uint32(20))
        )


@kernel
@no_type_check
def unstash_recoloured(stashed, count, m, red, green, blue):
    """Back from words of three times ten bits, through `recolour_rgb`; the matrix takes care of their scale."""
    wide()
    low = uint32(1023)
    m0, m1, m2, m3, m4, m5 = m[0], m[1], m[2], m[3], m[4], m[5]
    m6, m7, m8, m9, m10, m11 = m[6], m[7], m[8], m[9], m[10], m[11]
    for x in range(count):
        word = stashed[x]
        r = float32(int32(word & low))
        g = float32(int32((word >> uint32(10)) & low))
        b = float32(int32(word >> uint32(20)))
        red[x] = min(max(m0 * r + m1 * g + m2 * b + m3, ZERO), WHITE)
        green[x] = min(max(m4 * r + m5 * g + m6 * b + m7, ZERO), WHITE)
        blue[x] = min(max(m8 * r + m9 * g + m10 * b + m11, ZERO), WHITE)


@kernel
@no_type_check
def recolour_rgb(red, green, blue, m, count):
    """One 3 x 4 matrix a pixel, then a clamp."""
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
def recolour_gray(row, gain, offset, count):
    """One gain and offset, then a clamp."""
    wide()
    for x in range(count):
        row[x] = min(max(gain * row[x] + offset, ZERO), WHITE)


@kernel
@no_type_check
def look_up(row, table, count):
    """The nearest level's entry in a table."""
    for x in range(count):
        row[x] = table[uintp(uint32(int32(row[x] + HALF)))]


@kernel
@no_type_check
def look_up_bytes(source, base, step, count, entries, target):
    """Every `step`-th byte's entry in a table of bytes."""
    for x in range(count):
        i = base + step * uintp(x)
        target[i] = entries[uintp(source[i])]


@kernel
@no_type_check
def fill_noise(row, first, last, seed, place):
    """Uniform noise hashed from a seed and a place, as `manyshot.augment.image.noise.uniforms` draws it."""
    start = mix(seed)
    row = row[first:last]
    for x in range(last - first):
        bits = mix(start + uint64(place + x) * uint64(0x9E3779B97F4A7C15))
        row[x] = float32(int32(uint32(bits & uint64(0xFFFFFF)) + uint32(1))) * np.float32(255 * 2.0**-24)


@kernel
@no_type_check
def mix(bits):
    """The finaliser of SplitMix64."""
    bits = (bits ^ (bits >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> uint64(27))) * uint64(0x94D049BB133111EB)
    return bits ^ (bits >> uint64(31))


@kernel
@no_type_check
def write_row(row, count, out, base):
    """A float row to bytes, rounded."""
    wide()
    for x in range(count):
        out[base + uintp(x)] = uint8(int32(row[x] + HALF))


@kernel
@no_type_check
def write_every(row, count, out, base, step):
    """A float row to every `step`-th byte, rounded."""
    for x in range(count):
        out[base + step * uintp(x)] = uint8(int32(row[x] + HALF))


@kernel
@no_type_check
def round_packed(red, green, blue, packed, count):
    """Float rows to one word a pixel."""
    wide()
    for x in range(count):
        packed[x] = (
            uint32(int32(red[x] + HALF))
            | (uint32(int32(green[x] + HALF)) << uint32(8))
            | (uint32(int32(blue[x] + HALF)) << uint32(16))
        )


@kernel
@no_type_check
def write_interleaved(packed, count, out, base):
    """Words to red, green, blue, red, ..."""
    wide()
    for k in range(count // 4):
        p, q, r, s = packed[4 * k], packed[4 * k + 1], packed[4 * k + 2], packed[4 * k + 3]
        i = base + uintp(12) * uintp(k)
        store32(out, i, p | (q << uint32(24)))
        store32(out, i + uintp(4), (q >> uint32(8)) | (r << uint32(16)))
        store32(out, i + uintp(8), (r >> uint32(16)) | (s << uint32(8)))
    for x in range(4 * (count // 4), count):
        i = base + uintp(3) * uintp(x)
        out[i] = uint8(packed[x])
        out[i + uintp(1)] = uint8(packed[x] >> uint32(8))
        out[i + uintp(2)] = uint8(packed[x] >> uint32(16))


@kernel
@no_type_check
def write_float(row, count, out, base, scale, shift):
    """A float row, normalised."""
    wide()
    for x in range(count):
        out[base + uintp(x)] = row[x] * scale + shift
