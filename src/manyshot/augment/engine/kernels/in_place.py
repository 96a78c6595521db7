"""Images whose pixels stay, or move as a whole: nothing is blended."""

from typing import no_type_check

from numba import float32, int32, uintp

from manyshot.augment.engine.kernels import blends, colours, packing
from manyshot.augment.engine.kernels.finish import finish
from manyshot.augment.engine.kernels.intrinsics import kernel, part, wide
from manyshot.augment.engine.kernels.workspace import STAY


@part
@no_type_check
def keep(source, layout, room, moves, looks, sink, i, c, h, w):
    """Fetch an image whose pixels stay or move as a whole, and carry it to its end.

    Args:
        source: bytes of the images.
        layout: 0 for channel after channel, 1 for pixel after pixel.
        room: the packed or padded image, if pixels move.
        moves, looks, sink: see `room`.
        i: the image.
        c, h, w: of the images; c is 1 or 3.
    """
    pulled = looks.pulled[i] != 0
    single = room.lines >= h
    reds, greens, blues = 0.0, 0.0, 0.0
    if pulled:
        for top in range(0, h, room.lines):
            lines = min(room.lines, h - top)
            _fetch(source, layout, room, moves, i, c, h, w, top, lines)
            reds += blends.total(room.red, lines * w)
            if c == 3:
                greens += blends.total(room.green, lines * w)
                blues += blends.total(room.blue, lines * w)
        size = h * w
        room.mean[0], room.mean[1], room.mean[2] = float32(reds / size), float32(greens / size), float32(blues / size)
    if looks.recoloured[i]:
        colours.map_of(looks.maps, looks.pulls, pulled, i, c, room.mean, room.m)
    for top in range(0, h, room.lines):
        lines = min(room.lines, h - top)
        if not (pulled and single):
            _fetch(source, layout, room, moves, i, c, h, w, top, lines)
        finish(room, looks, sink, i, c, h, w, top, lines)


@part
@no_type_check
def _fetch(source, layout, room, moves, i, c, h, w, top, lines):
    count, size = lines * w, h * w
    base = uintp(i) * uintp(c) * uintp(size)
    if moves.kinds[i] == STAY:
        if c == 3:
            packing.read_colours(source, base, layout, size, top * w, count, room.red, room.green, room.blue)
        else:
            packing.read_gray(source, base + uintp(top * w), count, room.red)
        return
    _aim(moves, i, top, lines, w, room.place)
    if c == 3:
        _pick(room.packed, room.place, count, room.words)
        packing.unpack(room.words, count, room.red, room.green, room.blue)
    else:
        _pick(room.padded, room.place, count, room.red)


@kernel
@no_type_check
def _aim(moves, i, top, lines, w, place):
    """The places of whole pixels in the image with black around; -1 is in the black."""
    wide()
    stride = int32(w + 2)
    for y in range(lines):
        row = moves.rows[i, top + y] + int32(1)
        begin = y * w
        if moves.turned[i]:
            # The image is square here: a column of the output is a row of the input.
            for x in range(w):
                place[begin + x] = (moves.columns[i, x] + int32(1)) * stride + row
        else:
            for x in range(w):
                place[begin + x] = row * stride + moves.columns[i, x] + int32(1)


@kernel
@no_type_check
def _pick(image, place, count, out):
    wide()
    for x in range(count):
        out[x] = image[uintp(place[x])]
