"""The base class of ops on volumes that move no voxels, and the axis that some of them act along."""

from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from manyshot.augment.image.image_op import ImageOp
from manyshot.augment.ops.op import check_choice

AXES = ("z", "y", "x")
"""Axes of a volume `[n, c, d, h, w]` in their order: z is d, the axis across slices."""


class VolumeOp(ImageOp):
    """Base class of ops on volumes `[n, c, d, h, w]` that move no voxels."""

    takes: ClassVar[tuple[str, ...]] = ("volumes",)
    unit: ClassVar[bool] = False


def check_axis(op: object) -> None:
    """Check that the field `axis` of an op is the name of an axis, or "any".

    Args:
        op: The op.

    Raises:
        InputError: If it is not.
    """
    check_choice(op, "axis", (*AXES, "any"))


def draw_axes(axis: str, n: int, generator: Generator) -> Int[Tensor, "n"]:
    """Return the axis of each of n volumes, 0 to 2 in (z, y, x): the named one, or drawn if "any".

    Example:
        >>> draw_axes("y", 3, torch.Generator()).tolist()
        [1, 1, 1]
    """
    drawn = torch.randint(3, (n,), generator=generator)
    return drawn if axis == "any" else torch.full((n,), AXES.index(axis))
