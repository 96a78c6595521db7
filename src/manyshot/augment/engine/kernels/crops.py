"""Images whose rows stay rows: crops, flips, shifts. Rows are resampled along themselves, then two by two."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint32, uintp

from manyshot.augment.engine.kernels import blends, colours, points
from manyshot.augment.engine.kernels.finish import finish
from manyshot.augment.engine.kernels.intrinsics import kernel, part, wide

ZERO, ONE = np.float32(0), np.float32(1)


@part
@no_type_check
def crop(room, looks, sink, i, edge, c, h, w):
    """Fetch an image by the matrix in `room.matrix`, and carry it to its end.

    Args:
        room: the packed or padded image, and a matrix that keeps axes.
        looks, sink: see `room`.
        i: the image.
        edge: what lies beyond it.
        c, h, w: of the images; c is 1 or 3.
    """
    m, place, share = room.matrix, room.place, room.across
    upper, lower_share = room.upper_row, room.lower_share
    points.along(m[0], m[2], edge, w, w, place, share)
    points.along(m[4], m[5], edge, h, h, upper, lower_share)
    slots = len(share) // w
    _repeat(share, w, slots)
    single = room.crop_lines >= h
    pulled = looks.pulled[i] != 0
    if pulled and not single:
        _weigh(room, c, h, w)
    if looks.recoloured[i] and not (pulled and single):
        colours.map_of(looks.maps, looks.pulls, pulled, i, c, room.mean, room.m)
    backwards = m[4] < ZERO
    strips = -(-h // room.crop_lines)
    have = -1
    for number in range(strips):
        top = (strips - 1 - number if backwards else number) * room.crop_lines
        lines = min(room.crop_lines, h - top)
        # Rows that this strip needs, of which the one before may have left some; row r stands in slot r % slots.
        first, last = min(upper[top], upper[top + lines - 1]), max(upper[top], upper[top + lines - 1]) + 1
        row = first if number == 0 else max(first, have + 1)
        have = last
        while row <= last:
            slot = row % slots
            rows = min(last + 1 - row, slots - slot)
            if c == 3:
                blends.blend_across(
                    room.packed, place, row, w + 2, rows, w, share, room.pairs, room.halves, slot * w,
                    room.reds, room.greens, room.blues,
                )  # fmt: skip
            else:
                blends.blend_across_gray(
                    room.padded, place, row, w + 2, rows, w, share, room.words, slot * w, room.reds
                )
            row += rows
        if c == 3:
            blends.blend_down_colours(
                room.reds, room.greens, room.blues, upper, lower_share, top, slots, lines, w,
                room.red, room.green, room.blue,
            )  # fmt: skip
        else:
            blends.blend_down(room.reds, upper, lower_share, top, slots, lines, w, room.red)
        if pulled and single:
            size = float32(max(h * w, 1))
            room.mean[0] = blends.total(room.red, h * w) / size
            if c == 3:
                room.mean[1] = blends.total(room.green, h * w) / size
                room.mean[2] = blends.total(room.blue, h * w) / size
            colours.map_of(looks.maps, looks.pulls, pulled, i, c, room.mean, room.m)
        finish(room, looks, sink, i, c, h, w, top, lines)


@kernel
@no_type_check
def _repeat(row, w, times):
    """Repeat the first part of a row until it has been said so many times."""
    wide()
    done = w
    while done < times * w:
        count = min(done, times * w - done)
        begin, after = row[:count], row[done : done + count]
        for x in range(count):
            after[x] = begin[x]
        done += count


@part
@no_type_check
def _weigh(room, c, h, w):
    """The mean colour of a crop, from its input: each column and each row counts as often as the crop shows it."""
    across, down = room.column_weights, room.row_weights
    across[:] = ZERO
    down[:] = ZERO
    for x in range(w):
        across[room.place[x]] += ONE - room.across[x]
        across[room.place[x] + 1] += room.across[x]
    for y in range(h):
        down[room.upper_row[y]] += ONE - room.lower_share[y]
        down[room.upper_row[y] + 1] += room.lower_share[y]
    if c == 3:
        red, green, blue = _weighted(room.packed, across, down, h, w)
        room.mean[0], room.mean[1], room.mean[2] = red, green, blue
    else:
        room.mean[0] = _weighted_gray(room.padded, across, down, h, w)


@kernel
@no_type_check
def _weighted(packed, across, down, h, w):
    wide()
    low = uint32(255)
    reds, greens, blues = 0.0, 0.0, 0.0
    for y in range(h + 2):
        if down[y] == ZERO:
            continue
        line = uintp(y) * uintp(w + 2)
        red, green, blue = ZERO, ZERO, ZERO
        for x in range(len(across)):
            word = packed[line + uintp(x)]
            red += across[x] * float32(int32(word & low))
            green += across[x] * float32(int32((word >> uint32(8)) & low))
            blue += across[x] * float32(int32(word >> uint32(16)))
        reds += red * down[y]
        greens += green * down[y]
        blues += blue * down[y]
    size = h * w
    return float32(reds / size), float32(greens / size), float32(blues / size)


@kernel
@no_type_check
def _weighted_gray(padded, across, down, h, w):
    wide()
    total = 0.0
    for y in range(h + 2):
        if down[y] == ZERO:
            continue
        line = uintp(y) * uintp(w + 2)
        sum_ = ZERO
        for x in range(len(across)):
            sum_ += across[x] * float32(padded[line + uintp(x)])
        total += sum_ * down[y]
    return float32(total / (h * w))
