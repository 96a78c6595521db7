"""One pass over images: fetch each output pixel, recolour it, look it up, erase it, write it."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint8, uint32, uint64, uintp

from manyshot.augment.engine.kernels import points, strips
from manyshot.augment.engine.kernels.machine import kernel, wide

STRIP = 800
"""Pixels that are worked on at once, so that what lies between the loops stays in the fastest cache."""
MOST_PACKED = 80_000
"""Pixels of the largest image that is copied into words first, so that a thread needs less than 1 MB of its own."""

ONE = np.float32(1)
STAY, MOVE, MATRIX, POINTS = 0, 1, 2, 3
"""How pixels are fetched: from their own place, whole from elsewhere, blended by matrices, blended at given points."""
AS_BYTES, AS_FLOATS = 0, 1


@kernel
@no_type_check
def run(
    source, layout, target, target_float, target_layout, n, c, h, w,
    kinds, edges, matrices, stages, fields, basis_across, basis_down, at, columns, rows_, turned,
    recoloured, maps, pulls, pulled,
    tabled, tables,
    holes, filled, seeds, means,
    scale, shift, in_place,
):  # fmt: skip
    """Carry one pass out on n images.

    Args:
        source: bytes of the images, one after another, without gaps.
        layout: 0 for channel after channel (n, c, h, w), 1 for pixel after pixel (n, h, w, c).
        target: bytes of the results, unless target_float has room.
        target_float: room for normalised results `[n c h w]`, or an empty array.
        target_layout: of the bytes.
        kinds: `[n]` STAY, MOVE, MATRIX or POINTS.
        edges: `[n]` what lies beyond the image, for MATRIX and POINTS: 0 black, 1 its border, 2 its mirror image.
        matrices: `[n, k, 9]` from output to input in pixels, the last op's first.
        stages: `[n]` how many of the k act on each image.
        fields: `[n, 2, g, g]` displacements (x, y) in pixels, added to what the first matrix gives; or no images.
        basis_across, basis_down: `[g, w]` and `[g, h]` the share of each of g places in each column and row.
        at: `[n, h, w, 2]` points in pixels, for POINTS.
        columns, rows_: `[n, w]` and `[n, h]` where each column and row comes from, -1 for black, for MOVE.
        turned: `[n]` whether columns and rows change places: `columns` then is about the input's rows.
        recoloured: `[n]` whether maps act.
        maps: `[n, c (c + 1)]` on levels.
        pulls: `[n, c c]` what of the mean colour is added to the offsets, where `pulled [n]`.
        tabled: `[n]` which table acts, -1 for none.
        tables: `[m, c or 1, 256]` levels.
        holes: `[n, k, 4]` left, right, top, bottom.
        filled: 0 for black, 1 for the mean of the source, 2 for noise.
        seeds: `[n]` of noise.
        scale, shift: `[c]` for floats.
        in_place: whether target is source; images of 1 or 3 channels and at most MOST_PACKED pixels then.
    """
    wide()
    size = h * w
    per_strip = max(1, h // max(1, -(-size // STRIP)))
    most = per_strip * w
    packable = c == 3 and size <= MOST_PACKED
    fetching = False
    stashing = False
    for i in range(n):
        fetching |= kinds[i] != STAY
        stashing |= kinds[i] != STAY and pulled[i] != 0
    fetching &= packable
    stashing &= packable or (c == 1 and size <= MOST_PACKED)
    gray_fetch = c == 1 and w > 1
    step = uintp(c) if layout == 1 else uintp(1)
    step_channel = uintp(1) if layout == 1 else uintp(size)
    step_out = uintp(c) if target_layout == 1 else uintp(1)
    step_channel_out = uintp(1) if target_layout == 1 else uintp(size)
    right = uintp(1) if w > 1 else uintp(0)
    below = uintp(w) if h > 1 else uintp(0)

    packed = np.empty(size + 2 if fetching else 1, np.uint32)
    gray = np.empty(size if gray_fetch and in_place else 1, np.uint8)
    stashed = np.empty((-(-h // per_strip) if stashing else 1, most), np.uint32)
    stashed_gray = stashed.view(np.float32)
    row = np.empty((c, most), np.float32)
    word = np.empty(most, np.uint32)
    upper, lower = np.empty(most, np.uint64), np.empty(most, np.uint64)
    upper_words, lower_words = upper.view(np.uint32), lower.view(np.uint32)
    place = np.empty(most, np.int32)
    across, down, cover = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
    u, v, alive = np.empty(most, np.float32), np.empty(most, np.float32), np.ones(most, np.float32)
    column, line = np.empty(most, np.float32), np.empty(most, np.float32)
    for y in range(per_strip):
        for x in range(w):
            column[y * w + x] = float32(x)
            line[y * w + x] = float32(y)
    # Rows of strips, as arrays of their own: an index that is a sum might be negative, for all that LLVM knows, and the
    # loop would stay scalar.
    place_rows = place.reshape((per_strip, w))
    u_rows, v_rows = u.reshape((per_strip, w)), v.reshape((per_strip, w))
    sums_of_row = np.empty((2, fields.shape[3]), np.float32)
    places, covers = np.empty(most, np.float32), np.empty(most, np.float32)
    m = np.empty(c * (c + 1), np.float32)
    mean = np.zeros(c, np.float32)
    mixed = np.empty(c, np.float32)
    entries = np.empty(256, np.uint8)
    to_floats = target_float.size > 0

    for i in range(n):
        base = uintp(i) * uintp(c) * uintp(size)
        fetch = kinds[i]
        if in_place and fetch == STAY and not recoloured[i] and tabled[i] < 0 and holes.shape[1] == 0:
            continue
        if fetch == STAY and not recoloured[i] and tabled[i] >= 0 and holes.shape[1] == 0 and not to_floats:
            for k in range(c):
                own = tables[tabled[i], min(k, tables.shape[1] - 1)]
                for level in range(256):
                    entries[level] = uint8(int32(own[level] + np.float32(0.5)))
                strips.look_up_bytes(source, base + step_channel * uintp(k), step, size, entries, target)
            continue
        packed_fetch = packable and fetch != STAY
        stash = stashing and fetch != STAY
        if packed_fetch:
            packed[size] = uint32(0)
            packed[size + 1] = uint32(0)
            if layout == 1:
                strips.pack_interleaved(source, base, packed, size)
            else:
                strips.pack_planes(source, base, uintp(size), packed, size)
        if gray_fetch and in_place and fetch != STAY:
            gray[:] = source[base : base + uintp(size)]
        displaced = fetch == MATRIX and fields.shape[0] > 0
        straight = fetch == MATRIX and not displaced and stages[i] == 1
        straight = straight and points.is_straight(matrices[i, 0], edges[i], size)
        axes = straight and points.keeps_axes(matrices[i, 0])
        if axes:
            points.start_axes(matrices[i, 0], edges[i], w, most, column, places, across, covers)
        for phase in range(0 if pulled[i] else 1, 2):
            sums = np.zeros(c, np.float64)
            for top in range(0, h, per_strip):
                lines = min(per_strip, h - top)
                count = lines * w
                first = top * w
                strip = top // per_strip
                recolouring = phase == 1 and recoloured[i]
                if recolouring and top == 0:
                    unit = strips.COARSE if stash and pulled[i] and c == 3 else ONE
                    _pulled(maps[i], pulls[i], pulled[i], mean, c, unit, m)
                # Fetch.
                if stash and pulled[i] and phase == 1:
                    if c == 3:
                        strips.unstash_recoloured(stashed[strip], count, m, row[0], row[1], row[2])
                        recolouring = False
                    else:
                        row[0, :count] = stashed_gray[strip, :count]
                elif fetch == STAY:
                    if layout == 0 or c == 1:
                        for k in range(c):
                            strips.widen(source, base + uintp(k) * uintp(size) + uintp(first), count, row[k])
                    elif c == 3:
                        strips.pack_interleaved(source, base + uintp(3) * uintp(first), word, count)
                        strips.unpack(word, count, row[0], row[1], row[2])
                    else:
                        for k in range(c):
                            strips.widen_every(source, base + step * uintp(first) + uintp(k), step, count, row[k])
                elif fetch == MOVE:
                    for y in range(lines):
                        _places(columns[i], rows_[i], turned[i], top + y, w, place_rows[y])
                    if packed_fetch:
                        strips.move_packed(packed, place, count, word)
                        strips.unpack(word, count, row[0], row[1], row[2])
                    elif gray_fetch and in_place:
                        strips.move_scattered(gray, uintp(0), step, place, count, row[0])
                    else:
                        for k in range(c):
                            strips.move_scattered(source, base + step_channel * uintp(k), step, place, count, row[k])
                else:
                    if axes:
                        points.finish_axes(
                            matrices[i, 0], float32(top), line, edges[i], w, h, count,
                            places, covers, place, down, cover,
                        )  # fmt: skip
                    elif straight:
                        points.straight(
                            matrices[i, 0], float32(top), column, line, edges[i], w, h, count,
                            place, across, down, cover,
                        )  # fmt: skip
                    else:
                        if fetch == MATRIX:
                            points.start(matrices[i, 0], float32(top), column, line, count, u, v)
                            if displaced:
                                for y in range(lines):
                                    points.displace(
                                        fields[i], basis_across, basis_down, top + y, sums_of_row, u_rows[y], v_rows[y]
                                    )
                            for stage in range(1, stages[i]):
                                points.settle(edges[i], w, h, count, u, v, alive)
                                points.move_on(matrices[i, stage], count, u, v)
                        else:
                            _given(at[i], top, lines, w, u, v)
                        points.finish(edges[i], w, h, count, u, v, alive, place, across, down, cover)
                        if fetch == MATRIX and stages[i] > 1:
                            alive[:count] = np.float32(1)
                    if packed_fetch:
                        strips.gather_packed(packed, place, count, below, upper, lower)
                        if phase == 0 and stash:
                            reds, greens, blues = strips.blend_stash(
                                upper_words, lower_words, across, down, cover, count, stashed[strip]
                            )
                            sums[0] += reds
                            sums[1] += greens
                            sums[2] += blues
                            continue
                        strips.blend_packed(
                            upper_words, lower_words, across, down, cover, count, row[0], row[1], row[2]
                        )
                    elif gray_fetch:
                        if in_place:
                            strips.gather_gray(gray, uintp(0), place, count, below, word)
                        else:
                            strips.gather_gray(source, base, place, count, below, word)
                        strips.blend_gray(word, across, down, cover, count, row[0])
                    else:
                        for k in range(c):
                            strips.blend_scattered(
                                source, base + step_channel * uintp(k), step,
                                place, across, down, cover, count, right, below, row[k],
                            )  # fmt: skip
                if phase == 0:
                    for k in range(c):
                        sums[k] += strips.total(row[k], count)
                    if stash and c == 3:
                        strips.stash(row[0], row[1], row[2], stashed[strip], count)
                    elif stash:
                        stashed_gray[strip, :count] = row[0, :count]
                    continue
                # Recolour.
                if recolouring:
                    if c == 3:
                        strips.recolour_rgb(row[0], row[1], row[2], m, count)
                    elif c == 1:
                        strips.recolour_gray(row[0], m[0], m[1], count)
                    else:
                        _recolour_any(row, m, c, count, mixed)
                if tabled[i] >= 0:
                    for k in range(c):
                        strips.look_up(row[k], tables[tabled[i], min(k, tables.shape[1] - 1)], count)
                for hole in range(holes.shape[1]):
                    left, end = holes[i, hole, 0], holes[i, hole, 1]
                    for y in range(max(top, holes[i, hole, 2]), min(top + lines, holes[i, hole, 3])):
                        for k in range(c):
                            begin = (y - top) * w
                            if filled == 2:
                                place_ = (k * h + y) * w + left
                                strips.fill_noise(row[k], begin + left, begin + end, uint64(seeds[i]), place_)
                            else:
                                row[k, begin + left : begin + end] = means[i, k]
                # Write.
                if to_floats:
                    for k in range(c):
                        strips.write_float(
                            row[k], count, target_float, base + uintp(k * size + first), scale[k], shift[k]
                        )
                elif target_layout == 1 and c == 3:
                    strips.round_packed(row[0], row[1], row[2], word, count)
                    strips.write_interleaved(word, count, target, base + uintp(3 * first))
                elif target_layout == 0 or c == 1:
                    for k in range(c):
                        strips.write_row(row[k], count, target, base + uintp(k * size + first))
                else:
                    for k in range(c):
                        begin_out = base + step_channel_out * uintp(k) + step_out * uintp(first)
                        strips.write_every(row[k], count, target, begin_out, step_out)
            if phase == 0:
                for k in range(c):
                    mean[k] = float32(sums[k] / max(size, 1))


@kernel
@no_type_check
def _places(columns, rows_, turned, y, w, place):
    """The places of a row of whole pixels in the input."""
    wide()
    if turned:
        # The image is square here: a column of the output is a row of the input.
        for x in range(w):
            j, i = columns[x], rows_[y]
            place[x] = j * int32(w) + i if i >= 0 and j >= 0 else int32(-1)
    else:
        j = rows_[y]
        for x in range(w):
            i = columns[x]
            place[x] = j * int32(w) + i if i >= 0 and j >= 0 else int32(-1)


@kernel
@no_type_check
def _given(at, top, lines, w, u, v):
    """Points as they were given."""
    x = 0
    for y in range(top, top + lines):
        for i in range(w):
            u[x] = at[y, i, 0]
            v[x] = at[y, i, 1]
            x += 1


@kernel
@no_type_check
def _pulled(maps, pulls, pulled, mean, c, unit, m):
    """The map of one image on values in units of so many levels, its offsets pulled by its mean colour."""
    for k in range(c):
        offset = maps[k * (c + 1) + c]
        for j in range(c):
            m[k * (c + 1) + j] = unit * maps[k * (c + 1) + j]
            if pulled:
                offset += pulls[k * c + j] * mean[j]
        m[k * (c + 1) + c] = offset


@kernel
@no_type_check
def _recolour_any(row, m, c, count, mixed):
    """One matrix a pixel for any number of channels, then a clamp."""
    for x in range(count):
        for k in range(c):
            value = m[k * (c + 1) + c]
            for j in range(c):
                value += m[k * (c + 1) + j] * row[j, x]
            mixed[k] = min(max(value, np.float32(0)), np.float32(255))
        for k in range(c):
            row[k, x] = mixed[k]


@kernel
@no_type_check
def count_levels(source, layout, c, size, rows, counts):
    """Histograms: how often each level occurs in each channel.

    Args:
        source: bytes of the images.
        layout: 0 for channel after channel, 1 for pixel after pixel.
        c, size: channels and pixels.
        rows: `[m]` which images.
        counts: `[m, c, 256]` to fill.
    """
    step = uintp(c) if layout == 1 else uintp(1)
    step_channel = uintp(1) if layout == 1 else uintp(size)
    for r in range(len(rows)):
        for k in range(c):
            base = uintp(rows[r]) * uintp(c) * uintp(size) + step_channel * uintp(k)
            own = counts[r, k]
            own[:] = 0
            for x in range(size):
                own[uintp(source[base + step * uintp(x)])] += np.float32(1)
