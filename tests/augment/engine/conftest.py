"""The same passes in torch, in double precision: what the kernels are compared with."""

import pytest
import torch

from manyshot.augment.engine.compiled_pipeline import plan_passes
from manyshot.augment.engine.fuse_ops import Fused
from manyshot.augment.engine.geometry import is_exact, map_back
from manyshot.augment.image.geometric.warp import pixels, resample
from manyshot.augment.ops.combine import apply_layers
from manyshot.augment.ops.op import take


@pytest.fixture(scope="session")
def fused():
    return the_same_passes


def the_same_passes(op, images, params):
    """What a compiled op shall make of uint8 images, in levels, before the last rounding."""
    values = images.double() / 255
    for number, now in enumerate(plan_passes(op, images.shape[1])):
        if number:
            values = to_levels(values)
        values = _fused(now, values, params) if isinstance(now, Fused) else _alone(now.leaf, values, params)
    return values * 255


def to_levels(values):
    return (values.clamp(0, 1) * 255).round() / 255


def _alone(leaf, values, params):
    own, on = leaf.params(params), leaf.on(params)
    rows = torch.arange(len(values)) if on is None else on.nonzero().flatten()
    if not len(rows):
        return values
    changed = values.clone()
    if hasattr(leaf.op, "layers"):
        part = values[rows]
        for layer in leaf.op.layers(take(own, rows)):
            part = to_levels(apply_layers(part, [layer]))
        changed[rows] = part
    else:
        changed[rows] = leaf.op.apply(values[rows], take(own, rows)).clamp(0, 1)
    return changed


def _fused(now, values, params):
    if now.warps and is_exact(now.warps):
        for leaf in now.warps:
            values = _alone(leaf, values, params)
    elif now.warps:
        values = resample(values, map_back(now.warps, now.padding_mode, params, pixels(values)), now.padding_mode)
    if now.colors:
        n, c = values.shape[:2]
        matrix, offset = torch.eye(c).double().expand(n, c, c), torch.zeros(n, c).double()
        start = mean = values.mean((2, 3))
        for leaf in now.colors:
            maps, on = leaf.op.maps(leaf.params(params), mean), leaf.on(params)
            if on is not None:
                same = torch.cat((torch.eye(c).double(), torch.zeros(c, 1).double()), 1)
                maps = torch.where(on[:, None, None], maps, same)
            matrix = maps[..., :-1] @ matrix
            offset = (maps[..., :-1] @ offset[..., None])[..., 0] + maps[..., -1]
            mean = (matrix @ start[..., None])[..., 0] + offset
        values = ((matrix @ values.flatten(2)) + offset[..., None]).view_as(values).clamp(0, 1)
    for leaf in now.points:
        values = _alone(leaf, to_levels(values), params)
    for leaf in now.erases:
        values = _alone(leaf, values, params)
    return values
