"""Warps as input for kernels: matrices, displacement fields, tables of whole pixels, or points.

`MATRICES` lists the warps that are one 3 x 3 matrix per image; flips, quarter turns and crops alone are tables of whole
pixels, `Elastic` after matrices is a displacement field, and any other warp becomes a field of points.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.engine.flatten_pipeline import Leaf
from manyshot.augment.engine.kernels import workspace
from manyshot.augment.engine.kernels.matrices import chain_matrices
from manyshot.augment.image.geometric.affine import Affine
from manyshot.augment.image.geometric.crop import Crop, ResizedCrop, steps
from manyshot.augment.image.geometric.elastic import Elastic
from manyshot.augment.image.geometric.flip import Flip
from manyshot.augment.image.geometric.perspective import Perspective
from manyshot.augment.image.geometric.turn import Turn
from manyshot.augment.image.geometric.warp import Warp, pixels, settle
from manyshot.augment.ops.compose import PERMUTATIONS
from manyshot.augment.ops.op import Op, Params

Size = tuple[int, int]
Array = npt.NDArray[Any]
PADDING_CODES = {"zeros": 0, "border": 1, "reflection": 2}


@dataclass(frozen=True)
class Fetch:
    """Sources of the pixels of n images, as `kernels.workspace.Moves`; unused arrays are empty."""

    kind: int = workspace.STAY
    padding: int = 0
    matrices: Array = field(default_factory=lambda: np.zeros((0, 1, 9), np.float32))
    stages: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    fields: Array = field(default_factory=lambda: np.zeros((0, 2, 1, 1), np.float32))
    basis_across: Array = field(default_factory=lambda: np.zeros((1, 1), np.float32))
    basis_down: Array = field(default_factory=lambda: np.zeros((1, 1), np.float32))
    at: Array = field(default_factory=lambda: np.zeros((0, 1, 1, 2), np.float32))
    columns: Array = field(default_factory=lambda: np.zeros((0, 1), np.int32))
    rows: Array = field(default_factory=lambda: np.zeros((0, 1), np.int32))
    turned: Array = field(default_factory=lambda: np.zeros(0, np.uint8))

    def moves(self, kinds: Array, paddings: Array) -> workspace.Moves:
        """Return the arguments of the kernel, with kind and padding of each image."""
        return workspace.Moves(
            kinds, paddings, self.matrices, self.stages, self.fields, self.basis_across, self.basis_down, self.at,
            self.columns, self.rows, self.turned,
        )  # fmt: skip


def fetch(warps: Sequence[Leaf], padding_mode: str, params: Params, n: int, size: Size, *, exact: bool = True) -> Fetch:
    """Compute where a run of warps fetches pixels from.

    Args:
        warps: Warps in the order in which they act; none leaves pixels in place.
        padding_mode: What lies beyond the image, one of `PADDING_MODES`.
        params: Params of the pipeline.
        n: Number of images.
        size: (height, width) of the images in pixels.
        exact: Whether a run that only moves whole pixels may become tables; otherwise it becomes matrices.
    """
    if not warps:
        return Fetch()
    if exact and is_exact(warps):
        columns, rows, turned = moves(warps, params, n, size)
        return Fetch(kind=workspace.MOVE, columns=columns, rows=rows, turned=turned)
    if all(matrix_of(leaf.op) for leaf in warps):
        chain = np.stack([_matrix(leaf, params, size) for leaf in reversed(warps)])
        matrices, stages = np.empty((n, len(chain), 9), np.float32), np.empty(n, np.int32)
        chain_matrices(chain, *size, padding_mode == "border", matrices, stages, np.empty((3, 9)))
        return Fetch(kind=workspace.MATRIX, padding=PADDING_CODES[padding_mode], matrices=matrices, stages=stages)
    if is_displaced(warps):
        return _displaced(warps, padding_mode, params, n, size)
    points = map_back(warps, padding_mode, params, pixels(torch.empty(n, 1, *size)))
    half = torch.tensor([size[1] / 2, size[0] / 2])
    at = ((points + 1) * half - 0.5).contiguous().numpy()
    return Fetch(kind=workspace.POINTS, padding=PADDING_CODES[padding_mode], at=at)


def is_displaced(warps: Sequence[Leaf]) -> bool:
    """Whether a run is matrices followed by one elastic field, which is then evaluated at the pixel centers."""
    return type(warps[-1].op) is Elastic and all(matrix_of(leaf.op) for leaf in warps[:-1])


def _displaced(warps: Sequence[Leaf], padding_mode: str, params: Params, n: int, size: Size) -> Fetch:
    *others, last = warps
    displacement, on = last.params(params)["displacement"], last.on(params)
    if on is not None:
        displacement = displacement * on[:, None, None, None]
    h, w = size
    fields = displacement.numpy().astype(np.float32) * np.array([w / 2, h / 2], np.float32)[:, None, None]
    chain = np.stack([_blank(n), *(_matrix(leaf, params, size) for leaf in reversed(others))])
    k = len(chain)
    matrices, stages = np.empty((n, k, 9), np.float32), np.full(n, k, np.int32)
    single = np.empty(n, np.int32)
    for stage in range(k):
        one = slice(stage, stage + 1)
        chain_matrices(chain[one], h, w, False, matrices[:, one], single, np.empty((3, 9)))
    cells = fields.shape[-1] - 1
    return Fetch(
        kind=workspace.MATRIX, padding=PADDING_CODES[padding_mode], matrices=matrices, stages=stages,
        fields=np.ascontiguousarray(fields), basis_across=_bicubic(w, cells), basis_down=_bicubic(h, cells),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _bicubic(size: int, cells: int) -> Array:
    """Return the weights `[cells + 1, size]` of the corners at each pixel, by the bicubic kernel of torch."""
    position = (np.arange(size) + 0.5) / size * cells
    first = np.floor(position).astype(int)
    t = position - first
    a = -0.75

    def near(x: Array) -> Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Array) -> Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    weights = np.zeros((cells + 1, size))
    for step, weight in ((-1, far(t + 1)), (0, near(t)), (1, near(1 - t)), (2, far(2 - t))):
        np.add.at(weights, (np.clip(first + step, 0, cells), np.arange(size)), weight)
    return weights.astype(np.float32)


def map_back(
    warps: Sequence[Leaf], padding_mode: str, params: Params, points: Float[Tensor, "n h w 2"]
) -> Float[Tensor, "n h w 2"]:
    """Map output points back through the warps, the last one first, as `Compose` does."""
    size = (points.shape[1], points.shape[2])
    for index, leaf in enumerate(reversed(warps)):
        assert isinstance(leaf.op, Warp)
        if index:
            points = settle(points, padding_mode, size)
        moved = leaf.op.source_points(points, leaf.params(params), size)
        on = leaf.on(params)
        points = moved if on is None else torch.where(on.to(points.device)[:, None, None, None], moved, points)
    return points


def is_exact(warps: Sequence[Leaf]) -> bool:
    """Whether a run only moves whole pixels, by flips, quarter turns and crops."""
    return all(type(leaf.op) in (*PERMUTATIONS, Crop) for leaf in warps)


def moves(warps: Sequence[Leaf], params: Params, n: int, size: Size) -> tuple[Array, Array, Array]:
    """Compute the source of each column and row of the output, for warps that move whole pixels.

    Returns:
        `columns [n, w]` and `rows [n, h]`, indices in the input or -1 for black, and `turned [n]`: 1 for transposed
        images, whose `columns` are indices of input rows.
    """
    h, w = size
    x, y = (np.broadcast_to(np.arange(side, dtype=np.int32), (n, side)) for side in (w, h))
    turned = np.zeros(n, bool)
    for leaf in reversed(warps):
        own, on = leaf.params(params), leaf.on(params)
        acts = np.ones(n, bool) if on is None else on.numpy()
        op = leaf.op
        if isinstance(op, Turn):
            quarters = np.where(acts, op.turns(own, size).numpy(), 0)
            if size[0] == size[1]:  # other shapes only take half turns
                odd = (quarters % 2 == 1)[:, None]
                x, y, turned = np.where(odd, y, x), np.where(odd, x, y), turned ^ odd[:, 0]
            x = _mirrored(x, w, (quarters == 1) | (quarters == 2))
            y = _mirrored(y, h, (quarters == 3) | (quarters == 2))
        elif isinstance(op, Flip):
            flipped = own["flipped"].numpy() & acts
            x = _mirrored(x, w, flipped) if op.axis == 0 else x
            y = _mirrored(y, h, flipped) if op.axis == 1 else y
        else:
            assert isinstance(op, Crop)
            shift = steps(own, size).numpy().astype(np.int32) * acts[:, None]
            x, y = _shifted(x, w, shift[:, :1], op.padding_mode), _shifted(y, h, shift[:, 1:], op.padding_mode)
    columns, rows = (np.where(turned[:, None], y, x), np.where(turned[:, None], x, y)) if turned.any() else (x, y)
    return np.ascontiguousarray(columns), np.ascontiguousarray(rows), turned.astype(np.uint8)


def _mirrored(index: Array, size: int, flipped: Array) -> Array:
    return np.where(flipped[:, None] & (index >= 0), size - 1 - index, index)


def _shifted(index: Array, size: int, shift: Array, padding_mode: str) -> Array:
    moved = index + shift
    if padding_mode == "zeros":
        return np.where((index >= 0) & (moved >= 0) & (moved < size), moved, -1).astype(np.int32)
    if padding_mode == "border":
        moved = np.clip(moved, 0, size - 1)
    else:
        moved = moved % (2 * size)
        moved = np.minimum(moved, 2 * size - 1 - moved)
    return np.where(index >= 0, moved, -1).astype(np.int32)


def _matrix(leaf: Leaf, params: Params, size: Size) -> Array:
    """Return the matrices `[n, 9]` from output to input, on coordinates from -1 to 1."""
    own = leaf.params(params)
    of = matrix_of(leaf.op)
    assert of is not None
    matrix = of(leaf.op, own, size)
    on = leaf.on(params)
    if on is not None:
        matrix[~on.numpy()] = np.eye(3).ravel()
    return matrix


def _blank(n: int) -> Array:
    return np.tile(np.eye(3).ravel(), (n, 1))


def _affine(op: Affine, params: Params, size: Size) -> Array:
    inverse, shift = op.inverse(params, size).numpy(), params["shift"].numpy()
    matrix = _blank(len(inverse))
    matrix[:, [0, 1, 3, 4]] = inverse.reshape(-1, 4)
    matrix[:, 2] = -(inverse[:, 0, 0] * shift[:, 0] + inverse[:, 0, 1] * shift[:, 1])
    matrix[:, 5] = -(inverse[:, 1, 0] * shift[:, 0] + inverse[:, 1, 1] * shift[:, 1])
    return matrix


def _resized_crop(op: ResizedCrop, params: Params, size: Size) -> Array:
    side = params["side"].numpy()
    matrix = _blank(len(side))
    matrix[:, [0, 4]] = side
    matrix[:, [2, 5]] = params["center"].numpy()
    return matrix


def _crop(op: Crop, params: Params, size: Size) -> Array:
    shift = steps(params, size).numpy()
    matrix = _blank(len(shift))
    matrix[:, [2, 5]] = 2 * shift / np.array([size[1], size[0]])
    return matrix


def _flip(op: Flip, params: Params, size: Size) -> Array:
    flipped = params["flipped"].numpy()
    matrix = _blank(len(flipped))
    matrix[:, 4 * op.axis] = 1 - 2.0 * flipped
    return matrix


def _turn(op: Turn, params: Params, size: Size) -> Array:
    quarters = op.turns(params, size).numpy()
    cos, sin = np.array([1, 0, -1, 0])[quarters], np.array([0, 1, 0, -1])[quarters]
    matrix = _blank(len(quarters))
    matrix[:, [0, 1, 3, 4]] = np.stack((cos, -sin, sin, cos), 1)
    return matrix


def _perspective(op: Perspective, params: Params, size: Size) -> Array:
    return op.matrix(params).numpy().astype(float).reshape(-1, 9)


Matrix = Callable[[Any, Params, Size], Array]

MATRICES: Mapping[Any, Matrix] = {
    Affine.source_points: _affine,
    ResizedCrop.source_points: _resized_crop,
    Crop.source_points: _crop,
    Flip.source_points: _flip,
    Turn.source_points: _turn,
    Perspective.source_points: _perspective,
}
"""Warps that are one matrix, by their `source_points` method, which a subclass may override."""
CHANGES = (Warp.change, Flip.change, Turn.change, Crop.change)


def matrix_of(op: Op) -> Matrix | None:
    """Return the function that computes the matrices of a warp from its params; None if the warp is not a matrix."""
    if isinstance(op, Warp) and type(op).change in CHANGES:
        return MATRICES.get(type(op).source_points)
    return None
