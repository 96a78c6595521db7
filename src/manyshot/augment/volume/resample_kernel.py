"""Kernels that resample volumes: every output voxel is traced back through a chain of maps, row by row.

Coordinates are in voxels: 0 is the center of the first. A stage of the chain is an affine map or adds a cubic B-spline
displacement. The rows of a field at voxel centers, which the first stage is most often, need one sum along x per voxel.
"""

from typing import no_type_check

import numpy as np
import numpy.typing as npt

from manyshot.runtime.jit import kernel

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
AFFINE, FIELD = 0, 1
NO_PADDING, ZEROS, BORDER, REFLECTION = -1, 0, 1, 2
FAR = np.float32(1e7)
"""Coordinate of a point that shows nothing, too far away for any map to bring back."""


@kernel
@no_type_check
def weigh(t: float, w: Floats) -> None:
    """Write the four weights of a cubic B-spline at t, 0 to 1."""
    w[0] = (1 - t) * (1 - t) * (1 - t) / 6
    w[1] = (3 * t * t * t - 6 * t * t + 4) / 6
    w[2] = (-3 * t * t * t + 3 * t * t + 3 * t + 1) / 6
    w[3] = t * t * t / 6


@kernel
@no_type_check
def grid_row(z: int, y: int, control: Floats, basis: Floats, depth: int, height: int, row: Floats) -> None:
    """Sum a field's control points `[3, k, k, k]` over z and y, for the row of voxels (z, y): `row [3, k]`."""
    k = control.shape[1]
    w = np.empty((2, 4), np.float32)
    at = np.empty(2, np.int64)
    for axis in range(2):
        index, side = (z, depth) if axis == 0 else (y, height)
        place = (index + 0.5) / side * (k - 3)
        at[axis] = min(int(place), k - 4)
        weigh(place - at[axis], w[axis])
    row[:] = 0.0
    for i in range(4):
        for j in range(4):
            weight = w[0, i] * w[1, j]
            for part in range(3):
                for m in range(k):
                    row[part, m] += weight * control[part, at[0] + i, at[1] + j, m]


@kernel
@no_type_check
def displace(control: Floats, sides: Ints, p: Floats, x: int, w: Floats) -> None:
    """Add a field's displacement, in voxels, to the point x of a row `p [3, w]` (z, y, x)."""
    k = control.shape[1]
    a0, a1, a2 = np.int64(0), np.int64(0), np.int64(0)
    for axis in range(3):
        place = (p[axis, x] + np.float32(0.5)) / sides[axis] * (k - 3)
        place = min(max(place, np.float32(0.0)), np.float32(k - 3))
        first = min(int(place), k - 4)
        weigh(place - first, w[axis])
        if axis == 0:
            a0 = first
        elif axis == 1:
            a1 = first
        else:
            a2 = first
    for part in range(3):
        total = np.float32(0.0)
        for i in range(4):
            for j in range(4):
                inner = np.float32(0.0)
                for m in range(4):
                    inner += w[2, m] * control[part, a0 + i, a1 + j, a2 + m]
                total += w[0, i] * w[1, j] * inner
        w[3, part] = total
    for part in range(3):
        p[2 - part, x] += w[3, part]


@kernel
@no_type_check
def settle_row(p: Floats, sides: Ints, padding: int, clip: bool) -> None:
    """Apply a padding mode to points of a row `p [3, w]` beyond the volume; `clip` moves reflected ones to centers."""
    if padding == ZEROS:
        d, h, w = sides[0] - np.float32(0.5), sides[1] - np.float32(0.5), sides[2] - np.float32(0.5)
        for x in range(p.shape[1]):
            low = min(p[0, x], min(p[1, x], p[2, x]))
            if low < np.float32(-0.5) or p[0, x] > d or p[1, x] > h or p[2, x] > w:
                p[0, x] = p[1, x] = p[2, x] = FAR
    else:
        for axis in range(3):
            side = np.float32(sides[axis])
            for x in range(p.shape[1]):
                value = p[axis, x]
                if padding == REFLECTION:
                    around = (value + np.float32(0.5)) / (2 * side)
                    around = (around - np.floor(around)) * 2 * side
                    value = side - abs(around - side) - np.float32(0.5)
                edge = np.float32(0.0) if clip or padding == BORDER else np.float32(-0.5)
                p[axis, x] = min(max(value, edge), side - 1 - edge)


@kernel
@no_type_check
def trace_row(
    z: int, y: int, kinds: Ints, paddings: Ints, maps: Floats, controls: Floats, knots: Ints, basis: Floats,
    sides: Ints, settle_last: bool, row: Floats, w: Floats, p: Floats,
) -> None:  # fmt: skip
    """Trace the voxels of the row (z, y) back through all stages; `p [3, w]` receives the points (z, y, x)."""
    width = p.shape[1]
    for x in range(width):
        p[0, x], p[1, x], p[2, x] = z, y, x
    for stage in range(len(kinds)):
        if kinds[stage] == AFFINE:
            m = maps[stage]
            for x in range(width):
                a, b, c = p[0, x], p[1, x], p[2, x]
                p[0, x] = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c + m[0, 3]
                p[1, x] = m[1, 0] * a + m[1, 1] * b + m[1, 2] * c + m[1, 3]
                p[2, x] = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c + m[2, 3]
        else:
            k = knots[stage]
            control = controls[stage, :, :k, :k, :k]
            if stage == 0:
                grid_row(z, y, control, basis, sides[0], sides[1], row)
                for part in range(3):
                    for j in range(k):
                        value = row[part, j]
                        for x in range(width):
                            p[2 - part, x] += value * basis[j, x]
            else:
                for x in range(width):
                    displace(control, sides, p, x, w)
        last = stage == len(kinds) - 1
        if paddings[stage] != NO_PADDING and (settle_last or not last or paddings[stage] != ZEROS):
            settle_row(p, sides, paddings[stage], last)


@kernel
@no_type_check
def sample_row(volume: Floats, p: Floats, z: int, y: int, out: Floats) -> None:
    """Interpolate a volume `[c, d, h, w]` trilinearly at the points of a row; 0 beyond the volume."""
    channels, depth, height, width = volume.shape
    for x in range(width):
        fz, fy, fx = np.floor(p[0, x]), np.floor(p[1, x]), np.floor(p[2, x])
        i, j, k = int(fz), int(fy), int(fx)
        tz, ty, tx = p[0, x] - fz, p[1, x] - fy, p[2, x] - fx
        if 0 <= i < depth - 1 and 0 <= j < height - 1 and 0 <= k < width - 1:
            for c in range(channels):
                v = volume[c]
                a = v[i, j, k] + tx * (v[i, j, k + 1] - v[i, j, k])
                b = v[i, j + 1, k] + tx * (v[i, j + 1, k + 1] - v[i, j + 1, k])
                e = v[i + 1, j, k] + tx * (v[i + 1, j, k + 1] - v[i + 1, j, k])
                f = v[i + 1, j + 1, k] + tx * (v[i + 1, j + 1, k + 1] - v[i + 1, j + 1, k])
                a += ty * (b - a)
                e += ty * (f - e)
                out[c, z, y, x] = a + tz * (e - a)
        elif i < -1 or j < -1 or k < -1 or i >= depth or j >= height or k >= width:
            for c in range(channels):
                out[c, z, y, x] = 0.0
        else:
            for c in range(channels):
                total = np.float32(0.0)
                for corner in range(8):
                    zz, yy, xx = i + (corner >> 2), j + (corner >> 1 & 1), k + (corner & 1)
                    if 0 <= zz < depth and 0 <= yy < height and 0 <= xx < width:
                        share = (tz if corner >> 2 else 1 - tz) * (ty if corner >> 1 & 1 else 1 - ty)
                        total += share * (tx if corner & 1 else 1 - tx) * volume[c, zz, yy, xx]
                out[c, z, y, x] = total


@kernel
@no_type_check
def resample_volume(
    volume: Floats, kinds: Ints, paddings: Ints, maps: Floats, controls: Floats, knots: Ints, basis: Floats,
    out: Floats,
) -> None:  # fmt: skip
    """Resample one volume `[c, d, h, w]` through a chain of stages, in one pass.

    Args:
        volume: The volume.
        kinds: AFFINE or FIELD for each stage, from output to input.
        paddings: Padding mode of each stage.
        maps: `[stages, 3, 4]` affine maps of (z, y, x).
        controls: `[stages, 3, k, k, k]` displacements (x, y, z) in voxels at the control points.
        knots: Number of control points per side of each stage.
        basis: `[k, w]` weights of the control points at the voxel centers of a row, if the first stage is a field.
        out: Receives the result.
    """
    sides = np.array(volume.shape[1:])
    row = np.empty((3, controls.shape[-1]), np.float32)
    w, p = np.empty((4, 4), np.float32), np.empty((3, volume.shape[3]), np.float32)
    for z in range(volume.shape[1]):
        for y in range(volume.shape[2]):
            trace_row(z, y, kinds, paddings, maps, controls, knots, basis, sides, False, row, w, p)
            sample_row(volume, p, z, y, out)


@kernel
@no_type_check
def nearest_voxels(
    kinds: Ints, paddings: Ints, maps: Floats, controls: Floats, knots: Ints, basis: Floats, index: Ints
) -> None:
    """Write the flat index of the voxel that each output voxel `[d, h, w]` shows; -1 beyond the volume."""
    depth, height, width = index.shape
    sides = np.array(index.shape)
    row = np.empty((3, controls.shape[-1]), np.float32)
    w, p = np.empty((4, 4), np.float32), np.empty((3, width), np.float32)
    for z in range(depth):
        for y in range(height):
            trace_row(z, y, kinds, paddings, maps, controls, knots, basis, sides, True, row, w, p)
            for x in range(width):
                if p[0, x] >= FAR:
                    index[z, y, x] = -1
                    continue
                flat = 0
                for axis in range(3):
                    at = int(np.floor(p[axis, x] + np.float32(0.5)))
                    flat = flat * sides[axis] + min(max(at, 0), sides[axis] - 1)
                index[z, y, x] = flat
