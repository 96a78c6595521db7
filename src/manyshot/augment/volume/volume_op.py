"""The base class of ops on volumes that move no voxels."""

from typing import ClassVar

from manyshot.augment.image.image_op import ImageOp

AXES = ("z", "y", "x")
"""Axes of a volume `[n, c, d, h, w]` in their order: z is d, the axis across slices."""


class VolumeOp(ImageOp):
    """Base class of ops on volumes `[n, c, d, h, w]` that move no voxels."""

    takes: ClassVar[tuple[str, ...]] = ("volumes",)
    unit: ClassVar[bool] = False
