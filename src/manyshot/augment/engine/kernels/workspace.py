"""Arguments of kernels and their workspace, which holds one strip of pixels at a time so that it stays in the cache.

All buffers are one-dimensional and allocated once per call: a view of a row costs as much as ten pixels.
"""

from typing import Any, NamedTuple

import numpy as np

STRIP = {1: 800, 3: 512}
"""Pixels per strip (at least one row), by number of channels, so that a strip stays in the fastest cache."""
VECTOR = 16
"""Pixels processed by one instruction."""
WHOLE = 1100
"""Largest number of pixels of an image that is cropped as one strip."""
SPARE = 4
"""Extra input rows that a strip of a crop may need."""
STAY, MOVE, MATRIX, POINTS = 0, 1, 2, 3
"""How pixels are fetched: unmoved, as whole pixels, interpolated by matrices, interpolated at given points."""


class Moves(NamedTuple):
    """Sources of the pixels of n images.

    Args:
        kinds: `[n]` STAY, MOVE, MATRIX or POINTS.
        paddings: `[n]` padding for MATRIX and POINTS: 0 zeros, 1 border, 2 reflection.
        matrices: `[n, k, 9]` from output to input in pixels, last op first.
        stages: `[n]` number of matrices that act on each image.
        fields: `[n, 2, g, g]` displacements (x, y) in pixels, added after the first matrix; or empty.
        basis_across, basis_down: `[g, w]` and `[g, h]` weights of the g grid points in each column and row.
        at: `[n, h, w, 2]` points in pixels, for POINTS.
        columns, rows: `[n, w]` and `[n, h]` source of each column and row for MOVE, -1 for black.
        turned: `[n]` whether the image is transposed: `columns` then holds indices of input rows.
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
    """Params of the operations on the values of n images.

    Args:
        has_color_map: `[n]` whether a color map acts.
        maps: `[n, c (c + 1)]` color maps on levels.
        mean_maps: `[n, c c]` maps from the mean color to what is added to the offsets.
        uses_mean: `[n]` whether the color map depends on the mean color.
        table_index: `[n]` index of the table that acts, -1 for none.
        tables: `[m, c or 1, 256]` new levels.
        holes: `[n, k, 4]` rectangles: left, right, top, bottom.
        fill_mode: 0 for black, 1 for the mean of the source, 2 for noise.
        seeds: `[n]` seeds of the noise.
        means: `[n, c]` means of the source, in levels.
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
    """Output arrays.

    Args:
        data: Output bytes, used if `floats` is empty.
        floats: Output of normalized images `[n c h w]`, or an empty array.
        layout: Layout of the bytes: 0 for planar, 1 for interleaved.
        scale, shift: `[c]` normalization of floats.
        same: Whether `data` is also the input.
    """

    data: Any
    floats: Any
    layout: int
    scale: Any
    shift: Any
    same: bool


class Workspace(NamedTuple):
    """Buffers of a kernel.

    Args:
        lines, crop_lines: Rows of a strip, and of a strip of a crop.
        packed, padded: An image with a black border, as words or as bytes.
        red, green, blue: Values of a strip.
        reds, greens, blues: Rows of a crop, resampled along the row.
        words: Pixels of a strip.
        corner: Index of the upper left of the four pixels to blend.
        across, down: Weights of the right and of the lower pixels.
        pairs, lower: Pixels and their right neighbors; `halves`, `lower_halves` are the same as 32-bit words.
        u, v: Points in the input.
        column, line: Column and line of each pixel of a strip.
        packed_floats: Packed values that are kept until the mean is known.
        upper_row, lower_weight: Upper row and weight of the lower row of each output row of a crop.
        column_weights, row_weights: Weights of the input's columns and rows in the mean of a crop.
        m, matrix, mean: Color map, matrix and mean color of the current image.
        entries: Table of bytes.
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
    corner: Any
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
    lower_weight: Any
    column_weights: Any
    row_weights: Any
    m: Any
    matrix: Any
    mean: Any
    entries: Any


def contiguous(group: Any) -> Any:
    """Make all arrays of a group contiguous and writable, the only kind that kernels are compiled for."""
    return type(group)(*(np.require(x, None, ("C", "W")) if isinstance(x, np.ndarray) else x for x in group))


def make_workspace(c: int, h: int, w: int, *, moves_pixels: bool, keep_values: bool) -> Workspace:
    """Allocate a workspace for images with 1 or 3 channels.

    Args:
        c, h, w: Shape of the images.
        moves_pixels: Whether pixels move.
        keep_values: Whether moved pixels are kept until their mean is known.
    """
    lines = _lines(h, w, STRIP[c])
    crop_lines = h if h * w <= WHOLE else _lines(h, w, STRIP[c])
    strip = max(lines, crop_lines) * w
    longer = (crop_lines + SPARE) * w
    moved, color = strip * moves_pixels, strip * (c == 3)
    # Weights fill whole vectors: they are zero beyond a row, and reading beyond the last row is safe.
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
        corner=np.empty(moved, np.int32),
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
        lower_weight=np.empty(h, np.float32),
        column_weights=np.empty(weighed, np.float32),
        row_weights=np.empty(h + 2, np.float32),
        m=np.empty(c * (c + 1), np.float32),
        matrix=np.empty(9, np.float32),
        mean=np.zeros(3, np.float32),
        entries=np.empty(256, np.uint8),
    )


def _lines(h: int, w: int, most: int) -> int:
    """Rows per strip if an image is divided into as few strips of at most `most` pixels as possible."""
    return -(-h // max(1, -(-(h * w) // most)))
