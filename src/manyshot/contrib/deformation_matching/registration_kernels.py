"""Kernels of `registration.bent_onto`, in its notation.

Points are `[6, n]`: x, y, cos and sin of the direction, its certainty, and weight. Coefficients of T: `[3 + bumps, 2]`.
"""

from typing import no_type_check

import numpy as np

from manyshot.runtime.jit import kernel

FINAL_WIDTH = np.float32(0.24)
"""sigma at which the residual is computed."""
BOUND = np.float32(6.0)
"""Upper bound of the residual of a point."""
DIRECTION = np.float32(1.0)
"""kappa."""
SHIFT, AFFINE, BUMPS = np.float32(0.3), np.float32(1.0), np.float32(1.0)
"""Penalties of the parts of T: a_t, a_A, a_c."""
OUTLIERS = np.float32(1e-3)
"""Likelihood of an outlier, so that a point without near points stays unassigned."""


@kernel
@no_type_check
def _decay(value):
    """Approximate exp(-value) for values from 0 by products only, which vectorize."""
    power = max(np.float32(1) - value * np.float32(1 / 64), np.float32(0))
    for _ in range(6):
        power *= power
    return power


@kernel
@no_type_check
def _basis(points, centers):
    """Return the basis functions of T at each point, and their derivatives along the point's direction."""
    count, size = points.shape[1], 3 + len(centers)
    values, grads = np.empty((count, size), np.float32), np.empty((count, size), np.float32)
    for i in range(count):
        x, y, dx, dy = points[0, i], points[1, i], points[2, i], points[3, i]
        values[i, 0], values[i, 1], values[i, 2] = 1, x, y
        grads[i, 0], grads[i, 1], grads[i, 2] = 0, dx, dy
        for k in range(len(centers)):
            across, down = x - centers[k, 0], y - centers[k, 1]
            bump = np.exp(-(across * across + down * down) / np.float32(2))
            values[i, 3 + k] = bump
            grads[i, 3 + k] = -bump * (across * dx + down * dy)
    return values, grads


@kernel
@no_type_check
def _moved(points, values, grads, weights):
    """Return x, y and the doubled direction, times its certainty, of each point after T."""
    moved = np.empty((len(values), 4), np.float32)
    for i in range(len(values)):
        x, y, dx, dy = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(values.shape[1]):
            x += values[i, k] * weights[k, 0]
            y += values[i, k] * weights[k, 1]
            dx += grads[i, k] * weights[k, 0]
            dy += grads[i, k] * weights[k, 1]
        sure = points[4, i] / (dx * dx + dy * dy + np.float32(1e-12))
        moved[i, 0], moved[i, 1] = x, y
        moved[i, 2], moved[i, 3] = (dx * dx - dy * dy) * sure, 2 * dx * dy * sure
    return moved


@kernel
@no_type_check
def _gaps(moved, target, width):
    """Return e_ij."""
    x, y, cos, sin, straight = target[0], target[1], target[2], target[3], target[4]
    double_cos, double_sin = (cos * cos - sin * sin) * straight, 2 * cos * sin * straight
    gaps = np.empty((len(moved), len(x)), np.float32)
    scale = np.float32(1) / (2 * width * width)
    for i in range(len(moved)):
        for j in range(len(x)):
            across, down = moved[i, 0] - x[j], moved[i, 1] - y[j]
            unlike = np.float32(1) - moved[i, 2] * double_cos[j] - moved[i, 3] * double_sin[j]
            gaps[i, j] = (across * across + down * down) * scale + DIRECTION * unlike
    return gaps


@kernel
@no_type_check
def _assigned(gaps, source, target):
    """Return sum_j a_ij (q_j, 1) of each source point."""
    count, other = gaps.shape
    rows, columns = np.zeros(count, np.float32), np.zeros(other, np.float32)
    for i in range(count):
        for j in range(other):
            near = _decay(gaps[i, j])
            gaps[i, j] = near
            rows[i] += near * target[5, j]
            columns[j] += near * source[5, i]
    for j in range(other):
        columns[j] = target[5, j] / (columns[j] + OUTLIERS)
    sums = np.zeros((count, 3), np.float32)
    for i in range(count):
        row, share = source[5, i] / (rows[i] + OUTLIERS), source[5, i]
        x, y, mass = np.float32(0), np.float32(0), np.float32(0)
        for j in range(other):
            a = gaps[i, j] * (row * target[5, j] + columns[j] * share)
            mass += a
            x += a * target[0, j]
            y += a * target[1, j]
        sums[i, 0], sums[i, 1], sums[i, 2] = x, y, mass
    return sums


@kernel
@no_type_check
def _fitted(values, sums, width):
    """Return the coefficients of T that minimize the penalized squares."""
    size = values.shape[1]
    system, right = np.zeros((size, size), np.float32), np.zeros((size, 2), np.float32)
    for i in range(len(values)):
        for a in range(size):
            value = values[i, a]
            for b in range(size):
                system[a, b] += sums[i, 2] * value * values[i, b]
            right[a, 0] += value * sums[i, 0]
            right[a, 1] += value * sums[i, 1]
    for a in range(size):
        system[a, a] += width * width * (SHIFT if a == 0 else AFFINE if a < 3 else BUMPS)
    right[1, 0] += width * width * AFFINE
    right[2, 1] += width * width * AFFINE
    return np.linalg.solve(system, right)


@kernel
@no_type_check
def bent_onto(source, target, centers, widths):
    """Return the four numbers of a `Bend`; see `manyshot.contrib.deformation_matching.image_registration.bent_onto`."""
    values, grads = _basis(source, centers)
    weights = np.zeros((values.shape[1], 2), np.float32)
    weights[1, 0], weights[2, 1] = 1, 1
    for width in widths:
        gaps = _gaps(_moved(source, values, grads, weights), target, width)
        weights = _fitted(values, _assigned(gaps, source, target), width)
    gaps = _gaps(_moved(source, values, grads, weights), target, FINAL_WIDTH)
    over, lacking = np.float32(0), np.float32(0)
    for i in range(gaps.shape[0]):
        least = gaps[i].min()
        over += source[5, i] * least / (1 + least / BOUND)
    for j in range(gaps.shape[1]):
        least = gaps[:, j].min()
        lacking += target[5, j] * least / (1 + least / BOUND)
    strain = (weights[1, 0] - 1) ** 2 + weights[1, 1] ** 2 + weights[2, 0] ** 2 + (weights[2, 1] - 1) ** 2
    return over, lacking, strain, (weights[3:] ** 2).sum()
