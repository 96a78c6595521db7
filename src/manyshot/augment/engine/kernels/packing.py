"""Pack bytes into words with a black border, and back: the three channels of a pixel share one 32-bit word.

With the border, interpolation between four pixels needs no bounds checks.
"""

from typing import no_type_check

import numpy as np
from numba import int32, uint8, uint32, uintp

from manyshot.augment.engine.kernels.intrinsics import kernel, load32, store32, wide


@kernel
@no_type_check
def copy(source, begin, target, to, count):
    """Copy bytes."""
    wide()
    for x in range(count):
        target[to + uintp(x)] = source[begin + uintp(x)]


@kernel
@no_type_check
def pack(source, base, layout, w, h, packed):
    """Pack one image with three channels into words.

    Args:
        source: Bytes.
        base: Offset of the image.
        layout: 0 for planar, 1 for interleaved.
        w, h: Size of the image in pixels.
        packed: At least `(w + 2) * (h + 2)` words, whose border is already black.
    """
    wide()
    stride = uintp(w + 2)
    line = uintp(w)
    if layout == 0:
        plane = uintp(w) * uintp(h)
        for y in range(h):
            begin, out = base + uintp(y) * line, (uintp(y) + uintp(1)) * stride + uintp(1)
            for x in range(w):
                i = begin + uintp(x)
                packed[out + uintp(x)] = (
                    uint32(source[i])
                    | (uint32(source[i + plane]) << uint32(8))
                    | (uint32(source[i + plane + plane]) << uint32(16))
                )
        return
    low = uint32(0xFFFFFF)
    for y in range(h):
        begin, out = base + uintp(3) * uintp(y) * line, (uintp(y) + uintp(1)) * stride + uintp(1)
        for k in range(w // 4):
            i, o = begin + uintp(12) * uintp(k), out + uintp(4) * uintp(k)
            a, b, c = load32(source, i), load32(source, i + uintp(4)), load32(source, i + uintp(8))
            packed[o] = a & low
            packed[o + uintp(1)] = ((a >> uint32(24)) | (b << uint32(8))) & low
            packed[o + uintp(2)] = ((b >> uint32(16)) | (c << uint32(16))) & low
            packed[o + uintp(3)] = c >> uint32(8)
        for x in range(4 * (w // 4), w):
            i = begin + uintp(3) * uintp(x)
            packed[out + uintp(x)] = (
                uint32(source[i])
                | (uint32(source[i + uintp(1)]) << uint32(8))
                | (uint32(source[i + uintp(2)]) << uint32(16))
            )


@kernel
@no_type_check
def pad(source, base, w, h, padded):
    """Copy one image with one channel into at least `(w + 2) * (h + 2)` bytes, inside a black border."""
    wide()
    stride = uintp(w + 2)
    for y in range(h):
        begin, out = base + uintp(y) * uintp(w), (uintp(y) + uintp(1)) * stride + uintp(1)
        for x in range(w):
            padded[out + uintp(x)] = source[begin + uintp(x)]


@kernel
@no_type_check
def read_color(source, base, layout, size, first, count, red, green, blue):
    """Read `count` pixels of three channels, from `first` on in an image of `size` pixels, into float rows."""
    wide()
    if layout == 0:
        i, plane = base + uintp(first), uintp(size)
        for x in range(count):
            red[x] = source[i + uintp(x)]
            green[x] = source[i + plane + uintp(x)]
            blue[x] = source[i + plane + plane + uintp(x)]
        return
    i = base + uintp(3) * uintp(first)
    for x in range(count):
        j = i + uintp(3) * uintp(x)
        red[x] = source[j]
        green[x] = source[j + uintp(1)]
        blue[x] = source[j + uintp(2)]


@kernel
@no_type_check
def read_gray(source, base, count, row):
    """Read bytes into a float row."""
    wide()
    for x in range(count):
        row[x] = source[base + uintp(x)]


@kernel
@no_type_check
def unpack(words, count, red, green, blue):
    """Unpack words into float rows."""
    wide()
    low = uint32(255)
    for x in range(count):
        word = words[x]
        red[x] = int32(word & low)
        green[x] = int32((word >> uint32(8)) & low)
        blue[x] = int32(word >> uint32(16))


@kernel
@no_type_check
def write_color(red, green, blue, count, words, out, base, layout, size, first):
    """Write three float rows as rounded bytes; `words` is a buffer."""
    wide()
    half = np.float32(0.5)
    if layout == 0:
        i, plane = base + uintp(first), uintp(size)
        for x in range(count):
            out[i + uintp(x)] = uint8(int32(red[x] + half))
        for x in range(count):
            out[i + plane + uintp(x)] = uint8(int32(green[x] + half))
        for x in range(count):
            out[i + plane + plane + uintp(x)] = uint8(int32(blue[x] + half))
        return
    for x in range(count):
        words[x] = (
            uint32(int32(red[x] + half))
            | (uint32(int32(green[x] + half)) << uint32(8))
            | (uint32(int32(blue[x] + half)) << uint32(16))
        )
    begin = base + uintp(3) * uintp(first)
    for k in range(count // 4):
        p, q, r, s = words[4 * k], words[4 * k + 1], words[4 * k + 2], words[4 * k + 3]
        i = begin + uintp(12) * uintp(k)
        store32(out, i, p | (q << uint32(24)))
        store32(out, i + uintp(4), (q >> uint32(8)) | (r << uint32(16)))
        store32(out, i + uintp(8), (r >> uint32(16)) | (s << uint32(8)))
    for x in range(4 * (count // 4), count):
        i = begin + uintp(3) * uintp(x)
        out[i] = uint8(words[x])
        out[i + uintp(1)] = uint8(words[x] >> uint32(8))
        out[i + uintp(2)] = uint8(words[x] >> uint32(16))


@kernel
@no_type_check
def write_gray(row, count, out, base):
    """Write a float row as rounded bytes."""
    wide()
    half = np.float32(0.5)
    for x in range(count):
        out[base + uintp(x)] = uint8(int32(row[x] + half))


@kernel
@no_type_check
def write_floats(row, count, out, base, scale, shift):
    """Write a float row, normalized."""
    wide()
    for x in range(count):
        out[base + uintp(x)] = row[x] * scale + shift
