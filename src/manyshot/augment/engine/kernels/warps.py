"""Warped images: each pixel is interpolated from the four around its source point."""

from typing import no_type_check

from numba import float32

from manyshot.augment.engine.kernels import bilinear, pixel_values, points
from manyshot.augment.engine.kernels.intrinsics import kernel, part
from manyshot.augment.engine.kernels.output_stages import finish
from manyshot.augment.engine.kernels.workspace import MATRIX


@part
@no_type_check
def warp(work, moves, params, output, i, c, h, w):
    """Fetch an image by its matrices, field or points, process its values and write them.

    Args:
        work: Workspace with the packed or padded image.
        moves, params, output: See `workspace`.
        i: Index of the image.
        c, h, w: Shape of the images; c is 1 or 3.
    """
    uses_mean = params.uses_mean[i] != 0
    single = work.lines >= h
    if params.has_color_map[i] and not uses_mean:
        pixel_values.color_map(params.maps, params.mean_maps, uses_mean, i, c, work.mean, work.m)
    reds, greens, blues = 0.0, 0.0, 0.0
    for top in range(0, h, work.lines):
        lines = min(work.lines, h - top)
        count = lines * w
        _aim(work, moves, i, top, lines, h, w)
        if c == 3:
            bilinear.gather(work.packed, work.corner, count, w + 2, work.pairs, work.lower)
            bilinear.interpolate(
                work.halves, work.lower_halves, work.across, work.down, count, work.red, work.green, work.blue
            )
        else:
            bilinear.gather_gray(work.padded, work.corner, count, w + 2, work.words)
            bilinear.interpolate_gray(work.words, work.across, work.down, count, work.red)
        if uses_mean:
            reds += bilinear.total(work.red, count)
            if c == 3:
                greens += bilinear.total(work.green, count)
                blues += bilinear.total(work.blue, count)
                if not single:
                    bilinear.pack_floats(work.red, work.green, work.blue, count, work.packed_floats, top * w)
        if not uses_mean:
            finish(work, params, output, i, c, h, w, top, lines)
    if not uses_mean:
        return
    size = h * w
    work.mean[0], work.mean[1], work.mean[2] = float32(reds / size), float32(greens / size), float32(blues / size)
    pixel_values.color_map(params.maps, params.mean_maps, uses_mean, i, c, work.mean, work.m)
    for top in range(0, h, work.lines):
        lines = min(work.lines, h - top)
        count = lines * w
        if c == 3 and not single:
            bilinear.unpack_floats(work.packed_floats, top * w, count, work.red, work.green, work.blue)
        elif not single:
            _aim(work, moves, i, top, lines, h, w)
            bilinear.gather_gray(work.padded, work.corner, count, w + 2, work.words)
            bilinear.interpolate_gray(work.words, work.across, work.down, count, work.red)
        finish(work, params, output, i, c, h, w, top, lines)


@part
@no_type_check
def _aim(work, moves, i, top, lines, h, w):
    """Compute the source points of a strip."""
    count, padding, m = lines * w, moves.paddings[i], work.matrix
    if moves.kinds[i] != MATRIX:
        points.read_points(moves.at, i, top, lines, w, work.u, work.v)
        points.find_corners(padding, w, h, count, work.u, work.v, work.corner, work.across, work.down)
        return
    displaced = moves.fields.shape[0] > 0
    stages = moves.stages[i]
    load_matrix(moves.matrices, i, 0, m)
    if stages == 1 and not displaced and points.is_affine(m, padding):
        points.find_corners_affine(
            m, float32(top), work.column, work.line, padding, w, h, count, work.corner, work.across, work.down
        )
        return
    points.transform(m, float32(top), work.column, work.line, count, work.u, work.v)
    if displaced:
        points.displace(moves.fields, i, moves.basis_across, moves.basis_down, top, lines, w, work.u, work.v)
    if stages > 1:
        gone = work.down
        gone[:count] = 0
        for stage in range(1, stages):
            points.apply_padding(padding, w, h, count, work.u, work.v, gone)
            load_matrix(moves.matrices, i, stage, m)
            points.transform_again(m, count, work.u, work.v)
        if padding == points.PAD_ZEROS:
            points.move_outside(gone, count, work.u)
    points.find_corners(padding, w, h, count, work.u, work.v, work.corner, work.across, work.down)


@kernel
@no_type_check
def load_matrix(matrices, i, stage, m):
    """Load one matrix of an image."""
    for k in range(9):
        m[k] = matrices[i, stage, k]
