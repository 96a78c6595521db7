"""One resampling for a run of warps of volumes: prepares the chains of `manyshot.augment.volume.resample_kernel`."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.augment.image.geometric.warp import Size, Warp
from manyshot.augment.ops.op import Params
from manyshot.augment.volume import resample_kernel
from manyshot.augment.volume.elastic3 import Elastic3
from manyshot.augment.volume.warp3 import LinearWarp3

Array = npt.NDArray[Any]
PADDING_CODES = {
    None: resample_kernel.NO_PADDING,
    "zeros": resample_kernel.ZEROS,
    "border": resample_kernel.BORDER,
    "reflection": resample_kernel.REFLECTION,
}


class Step(NamedTuple):
    """A warp, the params of the volumes that it changes, and their indices `[m]`; None for all volumes."""

    op: Warp
    params: Params
    rows: Int[Tensor, "m"] | None


class Chain(NamedTuple):
    """The stages of one volume, as the kernels take them."""

    kinds: Array
    paddings: Array
    maps: Array
    controls: Array
    knots: Array
    basis: Array


def resample_steps(
    volumes: Float[Tensor, "n c d h w"], steps: Sequence[Step], padding_mode: str
) -> Float[Tensor, "n c d h w"] | None:
    """Apply a run of warps to volumes in one pass, trilinearly; None if torch has to do it.

    The kernels take float32 on the CPU that nothing is differentiated by, and affine maps and elastic fields.

    Args:
        volumes: Volumes to resample.
        steps: Warps in the order in which they act.
        padding_mode: What lies beyond a volume.
    """
    if volumes.dtype != torch.float32 or not _suits(volumes, steps):
        return None
    result = torch.empty(volumes.shape, dtype=volumes.dtype)
    before, after = volumes.detach().contiguous().numpy(), result.numpy()
    padding = [PADDING_CODES[padding_mode]] * len(steps)
    for index, chain in enumerate(_chains(steps, padding, len(volumes), tuple(volumes.shape[2:]))):
        if len(chain.kinds):
            resample_kernel.resample_volume(before[index], *chain, after[index])
        else:
            after[index] = before[index]
    return result


def nearest_index(steps: Sequence[Step], n: int, size: Size, like: Tensor) -> Int[Tensor, "n d h w"] | None:
    """Find which voxel each voxel of n volumes shows after warps; -1 beyond the volume; None if torch has to do it.

    Args:
        steps: Warps in the order in which they act, each with its own padding mode.
        n: Number of volumes.
        size: (depth, height, width).
        like: What is to be moved: its device matters.
    """
    if not _suits(like, steps):
        return None
    padding = [PADDING_CODES[step.op.padding_mode] for step in steps]
    index = torch.empty(n, *size, dtype=torch.int64)
    for number, chain in enumerate(_chains(steps, padding, n, size)):
        resample_kernel.nearest_voxels(*chain, index[number].numpy())
    return index


def _suits(items: Tensor, steps: Sequence[Step]) -> bool:
    values = [items, *(value for step in steps for value in step.params.values())]
    return (
        bool(steps)
        and all(isinstance(step.op, LinearWarp3 | Elastic3) for step in steps)
        and all(value.device.type == "cpu" for value in values)
        and not (torch.is_grad_enabled() and any(value.requires_grad for value in values))
    )


def _chains(steps: Sequence[Step], paddings: Sequence[int], n: int, size: Size) -> list[Chain]:
    """Return the chain of each volume: the steps that change it, the last one first."""
    places = [
        {index: index for index in range(n)}
        if step.rows is None
        else {index: place for place, index in enumerate(step.rows.tolist())}
        for step in steps
    ]
    prepared = [
        _voxel_maps(step.op, step.params, size)
        if isinstance(step.op, LinearWarp3)
        else _in_voxels(step.params["displacement"], size)
        for step in steps
    ]
    chains = []
    for index in range(n):
        stages = [
            (step.op, values[place[index]], padding)
            for step, values, place, padding in zip(steps, prepared, places, paddings, strict=True)
            if index in place
        ]
        chains.append(_chain(stages[::-1], size))
    return chains


def _chain(stages: Sequence[tuple[Warp, Array, int]], size: Size) -> Chain:
    knots = [1 if isinstance(op, LinearWarp3) else values.shape[-1] for op, values, _ in stages]
    largest = max(knots, default=1)
    maps = np.zeros((len(stages), 3, 4), np.float32)
    controls = np.zeros((len(stages), 3, largest, largest, largest), np.float32)
    for index, ((_, values, _), k) in enumerate(zip(stages, knots, strict=True)):
        if k == 1:
            maps[index] = values
        else:
            controls[index, :, :k, :k, :k] = values
    basis = _basis(size[2], knots[0]) if knots and knots[0] > 1 else np.zeros((1, 1), np.float32)
    kinds = [resample_kernel.AFFINE if k == 1 else resample_kernel.FIELD for k in knots]
    paddings = [padding for _, _, padding in stages]
    return Chain(
        np.array(kinds, np.int64), np.array(paddings, np.int64), maps, controls, np.array(knots, np.int64), basis
    )


def _voxel_maps(op: LinearWarp3, params: Params, size: Size) -> Array:
    """Return the maps `[n, 3, 4]` from output to input voxels, on (z, y, x)."""
    inverse = op.inverse(params, size).detach().double().numpy()[:, ::-1, ::-1]
    shift = op.shift_of(params).detach().double().numpy()[:, ::-1]
    sides = np.array(size, float)
    linear = inverse * (sides[:, None] / sides)
    middle = (sides - 1) / 2
    center = middle - np.einsum("nij,nj->ni", linear, middle + shift * sides / 2)
    return np.concatenate((linear, center[..., None]), 2).astype(np.float32)


def _in_voxels(displacement: Tensor, size: Size) -> Array:
    scale = torch.tensor(size[::-1], dtype=torch.float64) / 2
    return (displacement.detach().double() * scale[:, None, None, None]).float().numpy()


@lru_cache(maxsize=64)
def _basis(width: int, knots: int) -> Array:
    """Return the weights `[knots, width]` of the control points at the voxel centers of a row."""
    place = (np.arange(width) + 0.5) / width * (knots - 3)
    first = np.minimum(place.astype(int), knots - 4)
    basis, weights = np.zeros((knots, width), np.float32), np.empty(4, np.float32)
    for x in range(width):
        resample_kernel.weigh(place[x] - first[x], weights)
        basis[first[x] : first[x] + 4, x] = weights
    return basis
