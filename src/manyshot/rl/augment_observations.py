"""Augmentation of what an agent sees: by the engine where observations are bytes, by torch where they are floats."""

import torch
from torch import Tensor

from manyshot.augment.engine import Compiled
from manyshot.augment.ops.op import Op, Params, take


def change_view(op: Op, observations: Tensor, params: Params, frames: int = 1) -> Tensor:
    """Change observations, each by its own params.

    Args:
        op: An op on images, or on vectors.
        observations: `[n, ...]` vectors, or images `[n, frames * c, h, w]`, floats from 0 to 1 or uint8.
        params: Params of n rows, as the op drew them.
        frames: Number of frames that are stacked in an image's channels; all of them are changed by the same draw, or
            what moves could no longer be told from what was augmented.

    Returns:
        Changed observations of the same shape and type.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> seen = torch.arange(4.0).reshape(1, 2, 1, 2) / 4
        >>> change_view(Flip(), seen, {"flipped": torch.tensor([True])}, frames=2).tolist()
        [[[[0.25, 0.0]], [[0.75, 0.5]]]]
    """
    if observations.ndim != 4:
        return _apply(op, observations, params)
    n, channels, h, w = observations.shape
    if frames > 1:
        params = take(params, torch.arange(n).repeat_interleave(frames))
    single = observations.reshape(n * frames, channels // frames, h, w)
    return _apply(op, single, params).reshape(n, channels, h, w)


def _apply(op: Op, observations: Tensor, params: Params) -> Tensor:
    fast = observations.dtype == torch.uint8 and observations.device.type == "cpu"
    changed: Tensor = (Compiled(op) if fast else op).apply(observations, params)
    return changed
