"""Where the pixels of a strip come from: points in the input, in pixels, and what of it to blend.

The input has a border of black around: its pixel (x, y) stands at `(y + 1) (w + 2) + x + 1`. Points beyond it are
brought to the border, or to the image's own last pixels, so that nothing more needs to know of the edge.
"""

from typing import no_type_check

import numpy as np
from numba import float32, int32

from manyshot.augment.engine.kernels.intrinsics import kernel, wide

PAD_ZEROS, PAD_BORDER, PAD_REFLECTION = 0, 1, 2
ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
HORIZON = np.float32(1e-6)
FAR = np.float32(-1e9)
"""Whence no warp brings anything back."""
LESS = np.float32(2.0**-22)
"""Less than the smallest step of single precision, as a share, times two."""


@kernel
@no_type_check
def transform(m, top, columns, lines, count, u, v):
    """The points that a strip of pixels shows by one matrix.

    Args:
        m: the matrix, from output to input.
        top: the strip's first row in the image.
        columns, lines: of each pixel of the strip.
    """
    wide()
    u0, v0, w0 = float32(m[1] * top + m[2]), float32(m[4] * top + m[5]), float32(m[7] * top + m[8])
    for x in range(count):
        u[x] = m[0] * columns[x] + m[1] * lines[x] + u0
        v[x] = m[3] * columns[x] + m[4] * lines[x] + v0
    if m[6] != ZERO or m[7] != ZERO:
        for x in range(count):
            depth = max(m[6] * columns[x] + m[7] * lines[x] + w0, HORIZON)
            u[x] /= depth
            v[x] /= depth


@kernel
@no_type_check
def displace(fields, i, basis_across, basis_down, top, lines, w, u, v):
    """Add a smooth field, given at a few places, to the points of a strip.

    Args:
        fields: `[n, 2, g, g]` displacements (x, y) in pixels.
        i: the image.
        basis_across, basis_down: `[g, w]` and `[g, h]` the share of each place.
        top, lines: the strip's first row, and how many.
        w: pixels of a row.
        u, v: the strip's points.
    """
    wide()
    places = basis_across.shape[0]
    for y in range(lines):
        begin = y * w
        for k in range(places):
            across, down = ZERO, ZERO
            for j in range(places):
                across += basis_down[j, top + y] * fields[i, 0, j, k]
                down += basis_down[j, top + y] * fields[i, 1, j, k]
            for x in range(w):
                u[begin + x] += across * basis_across[k, x]
                v[begin + x] += down * basis_across[k, x]


@kernel
@no_type_check
def transform_again(m, count, u, v):
    """The points that the points of a later warp show by the matrix of an earlier one."""
    wide()
    m0, m1, m2, m3, m4, m5, m6, m7, m8 = m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]
    bends = m6 != ZERO or m7 != ZERO
    for x in range(count):
        a, b = u[x], v[x]
        u[x] = m0 * a + m1 * b + m2
        v[x] = m3 * a + m4 * b + m5
        if bends:
            depth = max(m6 * a + m7 * b + m8, HORIZON)
            u[x] /= depth
            v[x] /= depth


@kernel
@no_type_check
def apply_padding(padding, width, height, count, u, v, gone):
    """Between two warps: beyond the frame lies what a picture that ends there shows.

    Args:
        padding: what lies beyond.
        width, height: of the picture.
        count: of points.
        u, v: the points.
        gone: 1 for those whose place is black for good, else 0.
    """
    wide()
    last_u, last_v = float32(width - 1), float32(height - 1)
    if padding == PAD_ZEROS:
        for x in range(count):
            inside = abs(u[x] - HALF * last_u) <= HALF * float32(width) and abs(v[x] - HALF * last_v) <= HALF * float32(
                height
            )
            gone[x] = gone[x] if inside else ONE
    elif padding == PAD_BORDER:
        for x in range(count):
            u[x] = min(max(u[x], ZERO), last_u)
            v[x] = min(max(v[x], ZERO), last_v)
    else:
        reflect(width, count, u)
        reflect(height, count, v)


@kernel
@no_type_check
def move_outside(gone, count, u):
    """Send the points whose place is black out of the picture."""
    wide()
    for x in range(count):
        u[x] = FAR if gone[x] != ZERO else u[x]


@kernel
@no_type_check
def reflect(size, count, u):
    """Mirror places at the outer edges until they lie within."""
    wide()
    period = float32(2 * size)
    for x in range(count):
        t = u[x] + HALF
        t = t - period * np.floor(t / period)
        u[x] = min(t, period - t) - HALF


@kernel
@no_type_check
def read_points(at, i, top, lines, w, u, v):
    """Points as they were given."""
    wide()
    for y in range(lines):
        for x in range(w):
            u[y * w + x] = at[i, top + y, x, 0]
            v[y * w + x] = at[i, top + y, x, 1]


@kernel
@no_type_check
def lowest(padding):
    """The first place in the image with black around, on either axis."""
    return ZERO if padding == PAD_ZEROS else ONE


@kernel
@no_type_check
def highest(padding, size):
    """The last one: before the black around, so that there is a pixel after it."""
    return float32(size + 1) * (ONE - LESS) if padding == PAD_ZEROS else float32(size)


@kernel
@no_type_check
def find_corners(padding, width, height, count, u, v, place, across, down):
    """The upper left pixel of the four to blend, and the shares of the right and of the lower ones."""
    wide()
    if padding == PAD_REFLECTION:
        reflect(width, count, u)
        reflect(height, count, v)
    low, high_u, high_v = lowest(padding), highest(padding, width), highest(padding, height)
    row = int32(width + 2)
    for x in range(count):
        a, b = min(max(u[x] + ONE, low), high_u), min(max(v[x] + ONE, low), high_v)
        i, j = int32(a), int32(b)
        place[x] = int32(j * row + i)
        across[x] = a - float32(i)
        down[x] = b - float32(j)


@kernel
@no_type_check
def find_corners_affine(m, top, columns, lines, padding, width, height, count, place, across, down):
    """Do `transform` and `find_corners` in one loop: for an affine matrix, no reflection and fewer than 2^24 pixels."""
    wide()
    low, high_u, high_v = lowest(padding), highest(padding, width), highest(padding, height)
    m0, m1, m3, m4 = m[0], m[1], m[3], m[4]
    u0, v0 = float32(m1 * top + m[2] + ONE), float32(m4 * top + m[5] + ONE)
    row = float32(width + 2)
    for x in range(count):
        a = min(max(m0 * columns[x] + m1 * lines[x] + u0, low), high_u)
        b = min(max(m3 * columns[x] + m4 * lines[x] + v0, low), high_v)
        i, j = float32(int32(a)), float32(int32(b))
        place[x] = int32(j * row + i)
        across[x] = a - i
        down[x] = b - j


@kernel
@no_type_check
def is_affine(m, padding):
    """Whether `find_corners_affine` works for a matrix and an edge."""
    return m[6] == ZERO and m[7] == ZERO and padding != PAD_REFLECTION


@kernel
@no_type_check
def keeps_axes(m):
    """Whether a matrix takes rows to rows and columns to columns and brings rows no nearer, as crops and flips do."""
    return m[1] == ZERO and m[3] == ZERO and abs(m[4]) <= np.float32(1.0001)


@kernel
@no_type_check
def find_neighbors(gain, offset, padding, size, count, place, share):
    """Of each output column (or row) of such an image: the left (or upper) one of its two, and the other's share."""
    low, high = lowest(padding), highest(padding, size)
    for x in range(count):
        a = min(max(gain * float32(x) + offset + ONE, low), high)
        i = int32(a)
        place[x] = i
        share[x] = a - float32(i)
