"""Images whose pixels come from anywhere: each is blended of the four around its point."""

from typing import no_type_check

from numba import float32

from manyshot.augment.engine.kernels import blends, colours, points
from manyshot.augment.engine.kernels.finish import finish
from manyshot.augment.engine.kernels.intrinsics import kernel, part
from manyshot.augment.engine.kernels.workspace import MATRIX


@part
@no_type_check
def warp(room, moves, looks, sink, i, c, h, w):
    """Fetch an image by its matrices, its field or its points, and carry it to its end.

    Args:
        room: the packed or padded image.
        moves, looks, sink: see `room`.
        i: the image.
        c, h, w: of the images; c is 1 or 3.
    """
    pulled = looks.pulled[i] != 0
    single = room.lines >= h
    if looks.recoloured[i] and not pulled:
        colours.map_of(looks.maps, looks.pulls, pulled, i, c, room.mean, room.m)
    reds, greens, blues = 0.0, 0.0, 0.0
    for top in range(0, h, room.lines):
        lines = min(room.lines, h - top)
        count = lines * w
        _aim(room, moves, i, top, lines, h, w)
        if c == 3:
            blends.gather(room.packed, room.place, count, w + 2, room.pairs, room.lower)
            blends.blend(room.halves, room.lower_halves, room.across, room.down, count, room.red, room.green, room.blue)
        else:
            blends.gather_gray(room.padded, room.place, count, w + 2, room.words)
            blends.blend_gray(room.words, room.across, room.down, count, room.red)
        if pulled:
            reds += blends.total(room.red, count)
            if c == 3:
                greens += blends.total(room.green, count)
                blues += blends.total(room.blue, count)
                if not single:
                    blends.stash(room.red, room.green, room.blue, count, room.stashed, top * w)
        if not pulled:
            finish(room, looks, sink, i, c, h, w, top, lines)
    if not pulled:
        return
    size = h * w
    room.mean[0], room.mean[1], room.mean[2] = float32(reds / size), float32(greens / size), float32(blues / size)
    colours.map_of(looks.maps, looks.pulls, pulled, i, c, room.mean, room.m)
    for top in range(0, h, room.lines):
        lines = min(room.lines, h - top)
        count = lines * w
        if c == 3 and not single:
            blends.unstash(room.stashed, top * w, count, room.red, room.green, room.blue)
        elif not single:
            _aim(room, moves, i, top, lines, h, w)
            blends.gather_gray(room.padded, room.place, count, w + 2, room.words)
            blends.blend_gray(room.words, room.across, room.down, count, room.red)
        finish(room, looks, sink, i, c, h, w, top, lines)


@part
@no_type_check
def _aim(room, moves, i, top, lines, h, w):
    """Where a strip's pixels come from."""
    count, edge, m = lines * w, moves.edges[i], room.matrix
    if moves.kinds[i] != MATRIX:
        points.given(moves.at, i, top, lines, w, room.u, room.v)
        points.finish(edge, w, h, count, room.u, room.v, room.place, room.across, room.down)
        return
    displaced = moves.fields.shape[0] > 0
    stages = moves.stages[i]
    load_matrix(moves.matrices, i, 0, m)
    if stages == 1 and not displaced and points.is_straight(m, edge):
        points.straight(m, float32(top), room.column, room.line, edge, w, h, count, room.place, room.across, room.down)
        return
    points.start(m, float32(top), room.column, room.line, count, room.u, room.v)
    if displaced:
        points.displace(moves.fields, i, moves.basis_across, moves.basis_down, top, lines, w, room.u, room.v)
    if stages > 1:
        gone = room.down
        gone[:count] = 0
        for stage in range(1, stages):
            points.settle(edge, w, h, count, room.u, room.v, gone)
            load_matrix(moves.matrices, i, stage, m)
            points.move_on(m, count, room.u, room.v)
        if edge == points.EDGE_ZERO:
            points.drop(gone, count, room.u)
    points.finish(edge, w, h, count, room.u, room.v, room.place, room.across, room.down)


@kernel
@no_type_check
def load_matrix(matrices, i, stage, m):
    """One matrix of an image."""
    for k in range(9):
        m[k] = matrices[i, stage, k]
