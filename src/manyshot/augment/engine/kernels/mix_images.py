"""Mixup and CutMix of two images: interpolate them, or paste a part of one into the other."""

from typing import no_type_check

import numpy as np
from numba import float32, int32, uint8, uintp

from manyshot.augment.engine.kernels.intrinsics import kernel, wide
from manyshot.augment.engine.kernels.packing import copy


@kernel
@no_type_check
def mixup(source, others, shares, each, target, labels, mixed):
    """Interpolate images of `each` bytes, rounded, and their labels: `lam x + (1 - lam) x'`."""
    for i in range(len(others)):
        _interpolate(source, uintp(i) * uintp(each), uintp(others[i]) * uintp(each), float32(shares[i]), each, target)
        _mix_labels(labels, i, others[i], shares[i], mixed)


@kernel
@no_type_check
def _interpolate(source, base, other, lam, each, target):
    wide()
    rest = float32(1) - lam
    for x in range(each):
        value = lam * float32(source[base + uintp(x)]) + rest * float32(source[other + uintp(x)])
        target[base + uintp(x)] = uint8(int32(value + np.float32(0.5)))


@kernel
@no_type_check
def _mix_labels(labels, i, other, lam, mixed):
    for k in range(labels.shape[1]):
        mixed[i, k] = labels[other, k] + lam * (labels[i, k] - labels[other, k])


@kernel
@no_type_check
def cutmix(source, others, places, planes, h, w, step, target, labels, mixed):
    """Paste a rectangle of another image into each image.

    Args:
        source, target: Bytes of the images.
        others: Indices `[n]` of the other images.
        places: Rectangles `[n, 1, 4]`: left, right, top, bottom.
        planes: Number of planes per image.
        h, w: Size of the images in pixels.
        step: Bytes per pixel in a plane.
        labels, mixed: Input and output labels `[n, ways]`, mixed by the fraction of pixels of each image.
    """
    line = uintp(w) * uintp(step)
    each = uintp(planes) * uintp(h) * line
    for i in range(len(others)):
        base, other = uintp(i) * each, uintp(others[i]) * each
        copy(source, base, target, base, each)
        left, right = places[i, 0, 0] * step, places[i, 0, 1] * step
        top, bottom = places[i, 0, 2], places[i, 0, 3]
        if right > left:
            for k in range(planes):
                for y in range(top, bottom):
                    row = (uintp(k) * uintp(h) + uintp(y)) * line + uintp(left)
                    copy(source, other + row, target, base + row, right - left)
        area = float32((places[i, 0, 1] - places[i, 0, 0]) * (bottom - top)) / float32(w * h)
        _mix_labels(labels, i, others[i], float32(1) - area, mixed)
