"""Consecutive linear color ops as one map and one clamp."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.intensity.color import ColorOp, channel_means, identity, with_offset
from manyshot.augment.ops.op import Params

Change = tuple[ColorOp, Params, Tensor | None]
"""A color op, the params drawn for it, and a mask `[n]` of the images that it changes; None for all."""


def apply_color_ops(images: Float[Tensor, "n c *size"], changes: Sequence[Change]) -> Float[Tensor, "n c *size"]:
    """Apply color ops one after another as one map per pixel; only the result is clamped to 0..1.

    An op that depends on the mean color uses the mean of the previous ops' result, before any clamp.

    Args:
        images: Images to change; the result is differentiable in them and in the params.
        changes: Ops in the order in which they act.

    Example:
        >>> from manyshot.augment.image import Brightness
        >>> changes = [(Brightness(), {"factor": torch.tensor([factor])}, None) for factor in (2.0, 0.5)]
        >>> apply_color_ops(torch.full((1, 1, 1, 1), 0.75), changes).item()
        0.75
    """
    mean = channel_means(images)
    matrix, offset = identity(mean), torch.zeros_like(mean)
    for op, params, on in changes:
        maps = op.maps(params, mean)
        if on is not None:
            maps = torch.where(
                on.to(mean.device)[:, None, None], maps, with_offset(identity(mean), torch.zeros_like(mean))
            )
        linear, added = maps[..., :-1], maps[..., -1]
        matrix, offset, mean = linear @ matrix, _times(linear, offset) + added, _times(linear, mean) + added
    return torch.baddbmm(offset[..., None], matrix, images.flatten(2)).view(images.shape).clamp(0, 1)


def chains(op: object, c: int) -> bool:
    """Whether an op can be combined with other color ops into one map, for images of c channels.

    Example:
        >>> from manyshot.augment.image import Contrast, Gamma
        >>> chains(Contrast(), 3), chains(Gamma(), 3)
        (True, False)
    """
    return isinstance(op, ColorOp) and type(op).change is ColorOp.change and _is_linear(op, c)


@lru_cache(maxsize=256)
def depends_on_mean(op: ColorOp, c: int) -> bool:
    """Whether an op's map depends on the mean color of its image.

    Example:
        >>> from manyshot.augment.image import Brightness, Contrast
        >>> depends_on_mean(Brightness(), 3), depends_on_mean(Contrast(), 3)
        (False, True)
    """
    params, mean = _trial(op, c)
    return not op.maps(params, mean).equal(op.maps(params, torch.zeros_like(mean)))


@lru_cache(maxsize=256)
def _is_linear(op: ColorOp, c: int) -> bool:
    """Whether only the offset of an op's map depends on the mean color, and linearly: maps can then be multiplied."""
    params, mean = _trial(op, c)
    none, once, twice = (op.maps(params, times * mean) for times in (0, 1, 2))
    flat = once[..., :-1].equal(none[..., :-1])
    return flat and torch.allclose(twice[..., -1] - once[..., -1], once[..., -1] - none[..., -1], atol=1e-6)


def _trial(op: ColorOp, c: int) -> tuple[Params, Tensor]:
    """Draw params and mean colors to test what an op's maps depend on."""
    generator = torch.Generator().manual_seed(0)
    return op.sample(64, generator), torch.rand(64, c, generator=generator)


def _times(matrix: Float[Tensor, "n c c"], vector: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    return (matrix @ vector[..., None])[..., 0]
