"""Source points of a strip of pixels, in input pixels, and the corners and weights of their interpolation.

The input has a black border: its pixel (x, y) is at `(y + 1) (w + 2) + x + 1`. Points beyond it are moved to the border
or to the outermost pixels, so that later steps need no bounds checks.
"""

from typing import no_type_check

import numpy as np
from numba import float32, int32

from manyshot.augment.engine.kernels.intrinsics import kernel, wide

PAD_ZEROS, PAD_BORDER, PAD_REFLECTION = 0, 1, 2
ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
HORIZON = np.float32(1e-6)
FAR = np.float32(-1e9)
"""Coordinate so far outside that no warp brings it back."""
LESS = np.float32(2.0**-22)
"""Relative margin just above the resolution of single precision."""


@kernel
@no_type_check
def transform(m, top, columns, lines, count, u, v):
    """Transform the pixels of a strip by one matrix.

    Args:
        m: Matrix from output to input.
        top: First row of the strip.
        columns, lines: Column and line of each pixel in the strip.
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
    """Add a smooth displacement field, given on a grid, to the points of a strip.

    Args:
        fields: Displacements `[n, 2, g, g]` (x, y) in pixels.
        i: Index of the image.
        basis_across, basis_down: Weights `[g, w]` and `[g, h]` of the grid points.
        top, lines: First row of the strip, and number of rows.
        w: Pixels per row.
        u, v: Points of the strip, updated in place.
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
    """Transform the points of a later warp by the matrix of an earlier one."""
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
    """Apply the padding to points between two warps.

    Args:
        padding: Padding code.
        width, height: Size of the image in pixels.
        count: Number of points.
        u, v: Points, updated in place.
        gone: Set to 1 for points that stay black.
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
    """Move points that stay black out of the image."""
    wide()
    for x in range(count):
        u[x] = FAR if gone[x] != ZERO else u[x]


@kernel
@no_type_check
def reflect(size, count, u):
    """Reflect points at the outer edges until they lie inside."""
    wide()
    period = float32(2 * size)
    for x in range(count):
        t = u[x] + HALF
        t = t - period * np.floor(t / period)
        u[x] = min(t, period - t) - HALF


@kernel
@no_type_check
def read_points(at, i, top, lines, w, u, v):
    """Read given points."""
    wide()
    for y in range(lines):
        for x in range(w):
            u[y * w + x] = at[i, top + y, x, 0]
            v[y * w + x] = at[i, top + y, x, 1]


@kernel
@no_type_check
def lowest(padding):
    """Return the first coordinate in the padded image on either axis."""
    return ZERO if padding == PAD_ZEROS else ONE


@kernel
@no_type_check
def highest(padding, size):
    """Return the last coordinate, below the end so that a next pixel exists."""
    return float32(size + 1) * (ONE - LESS) if padding == PAD_ZEROS else float32(size)


@kernel
@no_type_check
def find_corners(padding, width, height, count, u, v, index, across, down):
    """Find the upper left of the four pixels to blend, and the weights of the right and lower ones."""
    wide()
    if padding == PAD_REFLECTION:
        reflect(width, count, u)
        reflect(height, count, v)
    low, high_u, high_v = lowest(padding), highest(padding, width), highest(padding, height)
    row = int32(width + 2)
    for x in range(count):
        a, b = min(max(u[x] + ONE, low), high_u), min(max(v[x] + ONE, low), high_v)
        i, j = int32(a), int32(b)
        index[x] = int32(j * row + i)
        across[x] = a - float32(i)
        down[x] = b - float32(j)


@kernel
@no_type_check
def find_corners_affine(m, top, columns, lines, padding, width, height, count, index, across, down):
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
        index[x] = int32(j * row + i)
        across[x] = a - i
        down[x] = b - j


@kernel
@no_type_check
def is_affine(m, padding):
    """Whether `find_corners_affine` supports a matrix and a padding."""
    return m[6] == ZERO and m[7] == ZERO and padding != PAD_REFLECTION


@kernel
@no_type_check
def keeps_axes(m):
    """Whether a matrix maps rows to rows and columns to columns without shrinking rows, as crops and flips do."""
    return m[1] == ZERO and m[3] == ZERO and abs(m[4]) <= np.float32(1.0001)


@kernel
@no_type_check
def find_neighbors(gain, offset, padding, size, count, index, weight):
    """Find the left (or upper) neighbor of each output column (or row), and the weight of the other."""
    low, high = lowest(padding), highest(padding, size)
    for x in range(count):
        a = min(max(gain * float32(x) + offset + ONE, low), high)
        i = int32(a)
        index[x] = i
        weight[x] = a - float32(i)
