"""Move whole pixels, bytes to bytes: rows are copied, forwards or backwards, wherever a row stays a row."""

from typing import no_type_check

from numba import uint8, uint32, uintp

from manyshot.augment.engine.kernels.intrinsics import kernel, load32, store32, wide_within


@kernel
@no_type_check
def move(source, target, n, planes, step, h, w, columns, rows, turned):
    """Move whole pixels of n images.

    Args:
        source, target: Bytes of the images.
        n: Number of images.
        planes: Number of planes per image: its channels, or 1 for interleaved pixels.
        step: Bytes per pixel in a plane: 1, or the number of channels.
        h, w: Size of the images in pixels.
        columns, rows, turned: See `workspace.Moves`.
    """
    plane = uintp(h) * uintp(w) * uintp(step)
    for i in range(n):
        first, last, direction = _stretch(columns[i], w)
        straight = direction != 0 and not turned[i]
        for k in range(planes):
            base = (uintp(i) * uintp(planes) + uintp(k)) * plane
            for y in range(h):
                out = base + uintp(y) * uintp(w) * uintp(step)
                j = rows[i, y]
                if straight:
                    if j < 0 or last <= first:
                        _clear(target, out, w * step)
                        continue
                    line = base + uintp(j) * uintp(w) * uintp(step)
                    _clear(target, out, first * step)
                    _clear(target, out + uintp(last * step), (w - last) * step)
                    begin = out + uintp(first * step)
                    start = columns[i, first]
                    if direction > 0:
                        _copy(source, line + uintp(start * step), target, begin, (last - first) * step)
                    elif step == 1:
                        _copy_backwards(source, line + uintp(start - (last - first) + 1), target, begin, last - first)
                    elif step == 3:
                        _turn_triples(
                            source, line + uintp(3 * (start - (last - first) + 1)), target, begin, last - first
                        )
                    else:
                        _one_by_one(source, base, j, columns[i], turned[i], target, out, w, step)
                else:
                    _one_by_one(source, base, j, columns[i], turned[i], target, out, w, step)


@kernel
@no_type_check
def _stretch(columns, w):
    """Return the range of columns that are not black, and their direction: 1 or -1 if consecutive, 0 if not."""
    first = 0
    while first < w and columns[first] < 0:
        first += 1
    last = w
    while last > first and columns[last - 1] < 0:
        last -= 1
    if last - first < 2:
        return first, last, 1
    direction = columns[first + 1] - columns[first]
    if direction != 1 and direction != -1:
        return first, last, 0
    for x in range(first, last):
        if columns[x] < 0 or columns[x] - columns[first] != direction * (x - first):
            return first, last, 0
    return first, last, direction


@kernel
@no_type_check
def _clear(target, base, count):
    wide_within()
    for x in range(count):
        target[base + uintp(x)] = uint8(0)


@kernel
@no_type_check
def _copy(source, start, target, base, count):
    wide_within()
    for x in range(count):
        target[base + uintp(x)] = source[start + uintp(x)]


@kernel
@no_type_check
def _copy_backwards(source, start, target, base, count):
    wide_within()
    end = start + uintp(count - 1)
    for x in range(count):
        target[base + uintp(x)] = source[end - uintp(x)]


@kernel
@no_type_check
def _turn_triples(source, start, target, base, count):
    """Copy pixels of three bytes in reverse, four bytes at a time; the next pixel overwrites the fourth."""
    end = start + uintp(3 * (count - 1))
    for x in range(1, count):
        store32(target, base + uintp(3 * (x - 1)), load32(source, end - uintp(3 * (x - 1)) - uintp(1)) >> uint32(8))
    for b in range(3):
        target[base + uintp(3 * (count - 1) + b)] = source[start + uintp(b)]


@kernel
@no_type_check
def _one_by_one(source, base, row, columns, turned, target, out, w, step):
    """Copy a row of pixels from any positions; `columns` of a turned (square) image are indices of its rows."""
    for x in range(w):
        i = columns[x]
        line, column = (i, row) if turned else (row, i)
        for b in range(step):
            if line < 0 or column < 0:
                target[out + uintp(x * step + b)] = uint8(0)
            else:
                target[out + uintp(x * step + b)] = source[base + uintp((line * w + column) * step + b)]
