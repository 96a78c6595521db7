"""Where the pixels of a strip come from: points in the input, in pixels, and what of it to blend."""

from typing import no_type_check

import numpy as np
from numba import float32, int32

from manyshot.augment.engine.kernels.machine import kernel, wide

EDGE_ZERO, EDGE_BORDER, EDGE_REFLECTION = 0, 1, 2
ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
HORIZON = np.float32(1e-6)


@kernel
@no_type_check
def start(m, top, columns, lines, count, u, v):
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
def displace(field, basis_across, basis_down, y, sums, u, v):
    """Add a smooth field, given at a few places, to the points of one row.

    Args:
        field: `[2, g, g]` displacements (x, y) in pixels.
        basis_across, basis_down: `[g, w]` and `[g, h]` the share of each place.
        y: the row.
        sums: `[2, g]` to work in.
        u, v: the row's points.
    """
    wide()
    places, width = basis_across.shape
    for axis in range(2):
        for k in range(places):
            total = ZERO
            for j in range(places):
                total += basis_down[j, y] * field[axis, j, k]
            sums[axis, k] = total
    for k in range(places):
        across, down, basis = sums[0, k], sums[1, k], basis_across[k]
        for x in range(width):
            u[x] += across * basis[x]
            v[x] += down * basis[x]


@kernel
@no_type_check
def move_on(m, count, u, v):
    """The points that the points of a later warp show by the matrix of an earlier one."""
    wide()
    for x in range(count):
        a, b = u[x], v[x]
        u[x] = m[0] * a + m[1] * b + m[2]
        v[x] = m[3] * a + m[4] * b + m[5]
        if m[6] != ZERO or m[7] != ZERO:
            depth = max(m[6] * a + m[7] * b + m[8], HORIZON)
            u[x] /= depth
            v[x] /= depth


@kernel
@no_type_check
def settle(edge, width, height, count, u, v, alive):
    """Between two warps: beyond the frame lies what a picture that ends there shows."""
    wide()
    last_u, last_v = float32(width - 1), float32(height - 1)
    if edge == EDGE_ZERO:
        for x in range(count):
            inside = abs(u[x] - HALF * last_u) <= HALF * float32(width) and abs(v[x] - HALF * last_v) <= HALF * float32(
                height
            )
            alive[x] = alive[x] if inside else ZERO
    elif edge == EDGE_BORDER:
        for x in range(count):
            u[x] = min(max(u[x], ZERO), last_u)
            v[x] = min(max(v[x], ZERO), last_v)
    else:
        fold(width, count, u)
        fold(height, count, v)


@kernel
@no_type_check
def fold(size, count, u):
    """Mirror places at the outer edges until they lie within."""
    wide()
    period = float32(2 * size)
    for x in range(count):
        t = u[x] + HALF
        t = t - period * np.floor(t / period)
        u[x] = min(t, period - t) - HALF


@kernel
@no_type_check
def finish(edge, width, height, count, u, v, alive, place, across, down, cover):
    """The upper left pixel of the four to blend, the shares of the others, and how much of the four is image."""
    wide()
    last_u, last_v = float32(width - 1), float32(height - 1)
    most_u, most_v = float32(max(width - 2, 0)), float32(max(height - 2, 0))
    if edge == EDGE_REFLECTION:
        fold(width, count, u)
        fold(height, count, v)
    fades = ONE if edge == EDGE_ZERO else ZERO
    row = int32(width)
    for x in range(count):
        a, b = min(max(u[x], ZERO), last_u), min(max(v[x], ZERO), last_v)
        seen = max(ONE - fades * abs(u[x] - a), ZERO) * max(ONE - fades * abs(v[x] - b), ZERO)
        i, j = int32(min(a, most_u)), int32(min(b, most_v))
        place[x] = int32(j * row + i)
        across[x] = a - float32(i)
        down[x] = b - float32(j)
        cover[x] = seen * alive[x]


@kernel
@no_type_check
def straight(m, top, columns, lines, edge, width, height, count, place, across, down, cover):
    """`start` and `finish` in one loop, for one affine matrix, an edge without mirrors and fewer than 2^24 pixels."""
    wide()
    last_u, last_v = float32(width - 1), float32(height - 1)
    most_u, most_v = float32(max(width - 2, 0)), float32(max(height - 2, 0))
    m0, m1, m3, m4 = m[0], m[1], m[3], m[4]
    u0, v0 = float32(m1 * top + m[2]), float32(m4 * top + m[5])
    fades = ONE if edge == EDGE_ZERO else ZERO
    row = float32(width)
    for x in range(count):
        s, t = m0 * columns[x] + m1 * lines[x] + u0, m3 * columns[x] + m4 * lines[x] + v0
        a, b = min(max(s, ZERO), last_u), min(max(t, ZERO), last_v)
        i, j = float32(int32(min(a, most_u))), float32(int32(min(b, most_v)))
        place[x] = int32(j * row + i)
        across[x] = a - i
        down[x] = b - j
        cover[x] = max(ONE - fades * abs(s - a), ZERO) * max(ONE - fades * abs(t - b), ZERO)


@kernel
@no_type_check
def is_straight(m, edge, size):
    """Whether `straight` does for a matrix, an edge and a number of pixels."""
    return m[6] == ZERO and m[7] == ZERO and edge != EDGE_REFLECTION and size < 1 << 24


@kernel
@no_type_check
def keeps_axes(m):
    """Whether a matrix takes rows to rows and columns to columns, as crops and flips do."""
    return m[1] == ZERO and m[3] == ZERO


@kernel
@no_type_check
def start_axes(m, edge, width, count, columns, places, across, cover):
    """What all strips of such an image share: for each pixel of a strip, the part that follows from its column.

    Args:
        columns: of each pixel of a strip.
        places, across, cover: `[count]` to fill.
    """
    wide()
    m0, m2, last, most = m[0], m[2], float32(width - 1), float32(max(width - 2, 0))
    fades = ONE if edge == EDGE_ZERO else ZERO
    for x in range(count):
        u = m0 * columns[x] + m2
        a = min(max(u, ZERO), last)
        i = float32(int32(min(a, most)))
        places[x] = i
        across[x] = a - i
        cover[x] = max(ONE - fades * abs(u - a), ZERO)


@kernel
@no_type_check
def finish_axes(m, top, lines, edge, width, height, count, places, covers, place, down, cover):
    """The rest of what a strip of such an image needs, from the rows."""
    wide()
    m4, v0 = m[4], float32(m[4] * top + m[5])
    last, most, row = float32(height - 1), float32(max(height - 2, 0)), float32(width)
    fades = ONE if edge == EDGE_ZERO else ZERO
    for x in range(count):
        v = m4 * lines[x] + v0
        b = min(max(v, ZERO), last)
        j = float32(int32(min(b, most)))
        place[x] = int32(j * row + places[x])
        down[x] = b - j
        cover[x] = covers[x] * max(ONE - fades * abs(v - b), ZERO)
