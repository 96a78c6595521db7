"""Neighbouring linear changes of colour as one map, and one clamp."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.intensity.color import ColorOp, identity, with_offset
from manyshot.augment.ops.op import Params

Change = tuple[ColorOp, Params, Tensor | None]
"""A change of colour, the params drawn for it, and `[n]` which images it changes; None for all."""


def apply_color_ops(images: Float[Tensor, "n c h w"], changes: Sequence[Change]) -> Float[Tensor, "n c h w"]:
    """Apply changes of colour one after another as one map a pixel; only the result is clamped to 0..1.

    The mean colour that a change looks at is that of what the ones before it give, before any clamp.

    Args:
        images: to change; differentiable, as are the params.
        changes: in the order in which they act.

    Example:
        >>> from manyshot.augment.image import Brightness
        >>> changes = [(Brightness(), {"factor": torch.tensor([factor])}, None) for factor in (2.0, 0.5)]
        >>> apply_color_ops(torch.full((1, 1, 1, 1), 0.75), changes).item()
        0.75
    """
    mean = images.mean((2, 3))
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
    """Whether an op is a change of colour that may share one map with its neighbours, for images of c channels.

    Example:
        >>> from manyshot.augment.image import Contrast, Gamma
        >>> chains(Contrast(), 3), chains(Gamma(), 3)
        (True, False)
    """
    return isinstance(op, ColorOp) and type(op).change is ColorOp.change and _is_linear(op, c)


@lru_cache(maxsize=256)
def depends_on_mean(op: ColorOp, c: int) -> bool:
    """Whether an op's map depends on the mean colour of its image.

    Example:
        >>> from manyshot.augment.image import Brightness, Contrast
        >>> depends_on_mean(Brightness(), 3), depends_on_mean(Contrast(), 3)
        (False, True)
    """
    params, mean = _trial(op, c)
    return not op.maps(params, mean).equal(op.maps(params, torch.zeros_like(mean)))


@lru_cache(maxsize=256)
def _is_linear(op: ColorOp, c: int) -> bool:
    """Whether the mean colour enters an op's offset alone, and does so linearly, so that maps can be multiplied."""
    params, mean = _trial(op, c)
    none, once, twice = (op.maps(params, times * mean) for times in (0, 1, 2))
    flat = once[..., :-1].equal(none[..., :-1])
    return flat and torch.allclose(twice[..., -1] - once[..., -1], once[..., -1] - none[..., -1], atol=1e-6)


def _trial(op: ColorOp, c: int) -> tuple[Params, Tensor]:
    """Params of several draws, and mean colours, to see what an op's maps depend on."""
    generator = torch.Generator().manual_seed(0)
    return op.sample(64, generator), torch.rand(64, c, generator=generator)


def _times(matrix: Float[Tensor, "n c c"], vector: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    return (matrix @ vector[..., None])[..., 0]
