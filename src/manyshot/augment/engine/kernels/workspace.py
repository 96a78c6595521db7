"""What kernels are handed, and the room that they work in: a strip of pixels at a time, so that it stays in the cache.

Everything lies in arrays of one axis that are made once a call: a view of a row costs as much as ten pixels do.
"""

from typing import Any, NamedTuple

import numpy as np

STRIP = {1: 800, 3: 512}
"""By channels: pixels of a strip, at least a row: what lies between its loops shall stay in the fastest cache."""
VECTOR = 16
"""Pixels that are worked on by one instruction."""
WHOLE = 1100
"""Pixels of an image that is cropped as one strip."""
SPARE = 4
"""Rows of the input that a strip of a crop may need beside as many as it has itself."""
STAY, MOVE, MATRIX, POINTS = 0, 1, 2, 3
"""How pixels are fetched: from their own place, whole from elsewhere, blended by matrices, blended at given points."""


class Moves(NamedTuple):
    """Where the pixels of n images come from.

    Args:
        kinds: `[n]` STAY, MOVE, MATRIX or POINTS.
        paddings: `[n]` what lies beyond the image, for MATRIX and POINTS: 0 black, 1 its border, 2 its mirror image.
        matrices: `[n, k, 9]` from output to input in pixels, the last op's first.
        stages: `[n]` how many of the k act on each image.
        fields: `[n, 2, g, g]` displacements (x, y) in pixels, added to what the first matrix gives; or no images.
        basis_across, basis_down: `[g, w]` and `[g, h]` the share of each of g places in each column and row.
        at: `[n, h, w, 2]` points in pixels, for POINTS.
        columns, rows: `[n, w]` and `[n, h]` where each column and row comes from, -1 for black, for MOVE.
        turned: `[n]` whether columns and rows change places: `columns` then is about the input's rows.
    """

    kinds: Any
    paddings: Any
    matrices: Any
    stages: Any
    fields: Any
    basis_across: Any
    basis_down: Any
    at: Any
    columns: Any
    rows: Any
    turned: Any


class PixelParams(NamedTuple):
    """What is done to the values of n images.

    Args:
        has_color_map: `[n]` whether maps act.
        maps: `[n, c (c + 1)]` on levels.
        mean_maps: `[n, c c]` what of the mean colour is added to the offsets, where `uses_mean [n]`.
        uses_mean: see there.
        table_index: `[n]` which table acts, -1 for none.
        tables: `[m, c or 1, 256]` levels.
        holes: `[n, k, 4]` left, right, top, bottom.
        fill_mode: 0 for black, 1 for the mean of the source, 2 for noise.
        seeds: `[n]` of noise.
        means: `[n, c]` of the source, in levels.
    """

    has_color_map: Any
    maps: Any
    mean_maps: Any
    uses_mean: Any
    table_index: Any
    tables: Any
    holes: Any
    fill_mode: int
    seeds: Any
    means: Any


class Output(NamedTuple):
    """Where results go.

    Args:
        data: bytes, one image after another, unless floats has room.
        floats: room for normalised results `[n c h w]`, or an empty array.
        layout: of the bytes: 0 for channel after channel, 1 for pixel after pixel.
        scale, shift: `[c]` for floats.
        same: whether data is where the images are read from.
    """

    data: Any
    floats: Any
    layout: int
    scale: Any
    shift: Any
    same: bool


class Workspace(NamedTuple):
    """Arrays to work in.

    Args:
        lines, crop_lines: rows of a strip; of a strip of a crop.
        packed, padded: an image with black around, as words or as bytes.
        red, green, blue: values of a strip.
        reds, greens, blues: rows of a crop, resampled along themselves.
        words: pixels of a strip.
        place: the upper left pixel of the four that are blended.
        across, down: the shares of the right and of the lower ones.
        pairs, lower: pixels and their right neighbours; `halves`, `lower_halves` are the same as words of 32 bits.
        u, v: points in the input.
        column, line: of each pixel of a strip.
        packed_floats: values that wait for their mean.
        upper_row, lower_share: of each output row of a crop.
        column_weights, row_weights: of the input's columns and rows in a crop's mean.
        m, matrix, mean: of an image: its colour map, its matrix, its mean colour.
        entries: a table of bytes.
    """

    lines: int
    crop_lines: int
    packed: Any
    padded: Any
    red: Any
    green: Any
    blue: Any
    reds: Any
    greens: Any
    blues: Any
    words: Any
    place: Any
    across: Any
    down: Any
    pairs: Any
    halves: Any
    lower: Any
    lower_halves: Any
    u: Any
    v: Any
    column: Any
    line: Any
    packed_floats: Any
    upper_row: Any
    lower_share: Any
    column_weights: Any
    row_weights: Any
    m: Any
    matrix: Any
    mean: Any
    entries: Any


def contiguous(group: Any) -> Any:
    """A group of arrays without gaps that may be written: kernels are compiled for these, and anew for any other."""
    return type(group)(*(np.require(x, None, ("C", "W")) if isinstance(x, np.ndarray) else x for x in group))


def make_workspace(c: int, h: int, w: int, *, moves_pixels: bool, keep_values: bool) -> Workspace:
    """Room for images of 1 or 3 channels.

    Args:
        c, h, w: of the images.
        moves_pixels: whether pixels move.
        keep_values: whether moved pixels wait for their mean.
    """
    lines = _lines(h, w, STRIP[c])
    crop_lines = h if h * w <= WHOLE else _lines(h, w, STRIP[c])
    strip = max(lines, crop_lines) * w
    longer = (crop_lines + SPARE) * w
    moved, color = strip * moves_pixels, strip * (c == 3)
    # Weights fill whole vectors; beyond a row they are zero, and beyond the last there is something to read.
    weighed = -(-(w + 2) // VECTOR) * VECTOR
    around = ((h + 2) * (w + 2) + VECTOR) * moves_pixels
    line, column = (axis.ravel() for axis in np.indices((lines, w), np.float32))
    pairs, lower = np.empty(longer * moves_pixels, np.uint64), np.empty(moved * (c == 3), np.uint64)
    return Workspace(
        lines=lines,
        crop_lines=crop_lines,
        packed=np.zeros(around * (c == 3), np.uint32),
        padded=np.zeros(around * (c == 1), np.uint8),
        red=np.empty(strip, np.float32),
        green=np.empty(color, np.float32),
        blue=np.empty(color, np.float32),
        reds=np.empty(longer * moves_pixels, np.float32),
        greens=np.empty(longer * moves_pixels * (c == 3), np.float32),
        blues=np.empty(longer * moves_pixels * (c == 3), np.float32),
        words=np.empty(longer, np.uint32),
        place=np.empty(moved, np.int32),
        across=np.empty(longer * moves_pixels, np.float32),
        down=np.empty(moved, np.float32),
        pairs=pairs,
        halves=pairs.view(np.uint32),
        lower=lower,
        lower_halves=lower.view(np.uint32),
        u=np.empty(moved, np.float32),
        v=np.empty(moved, np.float32),
        column=column,
        line=line,
        packed_floats=np.empty(h * w * (keep_values and c == 3 and lines < h), np.uint32),
        upper_row=np.empty(h, np.int32),
        lower_share=np.empty(h, np.float32),
        column_weights=np.empty(weighed, np.float32),
        row_weights=np.empty(h + 2, np.float32),
        m=np.empty(c * (c + 1), np.float32),
        matrix=np.empty(9, np.float32),
        mean=np.zeros(3, np.float32),
        entries=np.empty(256, np.uint8),
    )


def _lines(h: int, w: int, most: int) -> int:
    """Rows of each of as few strips of so many pixels as an image has, at least one."""
    return -(-h // max(1, -(-(h * w) // most)))
