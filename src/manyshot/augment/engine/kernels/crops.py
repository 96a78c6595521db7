"""Separable resampling for crops, flips and shifts: along rows, then across pairs of rows."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint32, uintp

from manyshot.augment.engine.kernels import bilinear, pixel_values, points
from manyshot.augment.engine.kernels.intrinsics import kernel, part, wide
from manyshot.augment.engine.kernels.output_stages import finish

ZERO, ONE = np.float32(0), np.float32(1)


@part
@no_type_check
def crop(work, params, output, i, padding, c, h, w):
    """Fetch an image by the matrix in `work.matrix`, process its values and write them.

    Args:
        work: Workspace with the packed or padded image, and a matrix that keeps axes.
        params, output: See `workspace`.
        i: Index of the image.
        padding: Padding code.
        c, h, w: Shape of the images; c is 1 or 3.
    """
    m, index, weight = work.matrix, work.corner, work.across
    upper, lower_weight = work.upper_row, work.lower_weight
    points.find_neighbors(m[0], m[2], padding, w, w, index, weight)
    points.find_neighbors(m[4], m[5], padding, h, h, upper, lower_weight)
    slots = len(weight) // w
    _repeat(weight, w, slots)
    single = work.crop_lines >= h
    uses_mean = params.uses_mean[i] != 0
    if uses_mean and not single:
        _weigh(work, c, h, w)
    if params.has_color_map[i] and not (uses_mean and single):
        pixel_values.color_map(params.maps, params.mean_maps, uses_mean, i, c, work.mean, work.m)
    backwards = m[4] < ZERO
    strips = -(-h // work.crop_lines)
    have = -1
    for number in range(strips):
        top = (strips - 1 - number if backwards else number) * work.crop_lines
        lines = min(work.crop_lines, h - top)
        # Rows that this strip needs; the previous strip may have left some of them. Row r is in slot r % slots.
        first, last = min(upper[top], upper[top + lines - 1]), max(upper[top], upper[top + lines - 1]) + 1
        row = first if number == 0 else max(first, have + 1)
        have = last
        while row <= last:
            slot = row % slots
            rows = min(last + 1 - row, slots - slot)
            if c == 3:
                bilinear.interpolate_across(
                    work.packed, index, row, w + 2, rows, w, weight, work.pairs, work.halves, slot * w,
                    work.reds, work.greens, work.blues,
                )  # fmt: skip
            else:
                bilinear.interpolate_across_gray(
                    work.padded, index, row, w + 2, rows, w, weight, work.words, slot * w, work.reds
                )
            row += rows
        if c == 3:
            bilinear.interpolate_down_color(
                work.reds, work.greens, work.blues, upper, lower_weight, top, slots, lines, w,
                work.red, work.green, work.blue,
            )  # fmt: skip
        else:
            bilinear.interpolate_down(work.reds, upper, lower_weight, top, slots, lines, w, work.red)
        if uses_mean and single:
            size = float32(max(h * w, 1))
            work.mean[0] = bilinear.total(work.red, h * w) / size
            if c == 3:
                work.mean[1] = bilinear.total(work.green, h * w) / size
                work.mean[2] = bilinear.total(work.blue, h * w) / size
            pixel_values.color_map(params.maps, params.mean_maps, uses_mean, i, c, work.mean, work.m)
        finish(work, params, output, i, c, h, w, top, lines)


@kernel
@no_type_check
def _repeat(row, w, times):
    """Repeat the first w values of a row."""
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
def _weigh(work, c, h, w):
    """Compute the mean color of a crop from its input, with each column and row weighted by how often it is shown."""
    across, down = work.column_weights, work.row_weights
    across[:] = ZERO
    down[:] = ZERO
    for x in range(w):
        across[work.corner[x]] += ONE - work.across[x]
        across[work.corner[x] + 1] += work.across[x]
    for y in range(h):
        down[work.upper_row[y]] += ONE - work.lower_weight[y]
        down[work.upper_row[y] + 1] += work.lower_weight[y]
    if c == 3:
        red, green, blue = _weighted(work.packed, across, down, h, w)
        work.mean[0], work.mean[1], work.mean[2] = red, green, blue
    else:
        work.mean[0] = _weighted_gray(work.padded, across, down, h, w)


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
