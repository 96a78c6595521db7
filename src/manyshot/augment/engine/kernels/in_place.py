"""Images whose pixels stay in place or move as whole pixels, without interpolation."""

from typing import no_type_check

from numba import float32, int32, uintp

from manyshot.augment.engine.kernels import bilinear, packing, pixel_values
from manyshot.augment.engine.kernels.intrinsics import kernel, part, wide
from manyshot.augment.engine.kernels.output_stages import finish
from manyshot.augment.engine.kernels.workspace import STAY


@part
@no_type_check
def keep(source, layout, work, moves, params, output, i, c, h, w):
    """Fetch an image whose pixels stay or move as whole pixels, process its values and write them.

    Args:
        source: Bytes of the images.
        layout: 0 for planar, 1 for interleaved.
        work: Workspace with the packed or padded image, if pixels move.
        moves, params, output: See `workspace`.
        i: Index of the image.
        c, h, w: Shape of the images; c is 1 or 3.
    """
    uses_mean = params.uses_mean[i] != 0
    single = work.lines >= h
    reds, greens, blues = 0.0, 0.0, 0.0
    if uses_mean:
        for top in range(0, h, work.lines):
            lines = min(work.lines, h - top)
            _fetch(source, layout, work, moves, i, c, h, w, top, lines)
            reds += bilinear.total(work.red, lines * w)
            if c == 3:
                greens += bilinear.total(work.green, lines * w)
                blues += bilinear.total(work.blue, lines * w)
        size = h * w
        work.mean[0], work.mean[1], work.mean[2] = float32(reds / size), float32(greens / size), float32(blues / size)
    if params.has_color_map[i]:
        pixel_values.color_map(params.maps, params.mean_maps, uses_mean, i, c, work.mean, work.m)
    for top in range(0, h, work.lines):
        lines = min(work.lines, h - top)
        if not (uses_mean and single):
            _fetch(source, layout, work, moves, i, c, h, w, top, lines)
        finish(work, params, output, i, c, h, w, top, lines)


@part
@no_type_check
def _fetch(source, layout, work, moves, i, c, h, w, top, lines):
    count, size = lines * w, h * w
    base = uintp(i) * uintp(c) * uintp(size)
    if moves.kinds[i] == STAY:
        if c == 3:
            packing.read_color(source, base, layout, size, top * w, count, work.red, work.green, work.blue)
        else:
            packing.read_gray(source, base + uintp(top * w), count, work.red)
        return
    _aim(moves, i, top, lines, w, work.corner)
    if c == 3:
        _pick(work.packed, work.corner, count, work.words)
        packing.unpack(work.words, count, work.red, work.green, work.blue)
    else:
        _pick(work.padded, work.corner, count, work.red)


@kernel
@no_type_check
def _aim(moves, i, top, lines, w, index):
    """Compute the indices of whole pixels in the padded image; -1 lies in the black border."""
    wide()
    stride = int32(w + 2)
    for y in range(lines):
        row = moves.rows[i, top + y] + int32(1)
        begin = y * w
        if moves.turned[i]:
            # The image is square here: a column of the output is a row of the input.
            for x in range(w):
                index[begin + x] = (moves.columns[i, x] + int32(1)) * stride + row
        else:
            for x in range(w):
                index[begin + x] = row * stride + moves.columns[i, x] + int32(1)


@kernel
@no_type_check
def _pick(image, index, count, out):
    wide()
    for x in range(count):
        out[x] = image[uintp(index[x])]
