"""Map points through the warps of an op, in both directions.

Warps map output points to input points. The inverse, where an input point goes to, is computed by Newton's method: in
one step for affine maps, in a few for smooth fields. It proceeds warp by warp, because a point that one warp moves out
of the image is lost, whatever the next one does.

Points are (x, y), or (x, y, z) in volumes, from -1 to 1 over the outer edges, as in
`manyshot.augment.image.geometric.warp`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from manyshot.augment.image.geometric.warp import Size, Warp, settle
from manyshot.augment.ops.combine import Combined
from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError

MAX_STEPS = 30
ACCEPTED = 1e-4
"""Largest error of a solution, as a fraction of half the image."""
CONVERGED = 1e-9
"""Error at which Newton's method stops."""
STEP = 1e-5
"""Step of the finite differences for the Jacobian of a warp."""
TOLERANCE = 1e-6
"""Distance beyond the image at which a point still counts as inside, for rounding."""


class WarpStep(NamedTuple):
    """A warp, the params drawn for it, and the indices `[m]` of the images that it changes; None for all."""

    op: Warp
    params: Params
    rows: Int[Tensor, "m"] | None


def warps_of(op: Op, params: Params, rows: Int[Tensor, "m"] | None = None) -> Iterator[WarpStep]:
    """Yield the warps in an op, in the order in which they act.

    Args:
        op: Op on images.
        params: Params of the images that it changes.
        rows: Indices of these images; None for all.

    Raises:
        InputError: If the op cannot map points, as a blend of several geometries.

    Example:
        >>> from manyshot.augment import Compose
        >>> from manyshot.augment.image import Flip, Noise
        >>> op = Compose((Noise(), Flip()))
        >>> [step.op for step in warps_of(op, op.sample(1, torch.Generator()))]
        [Flip(p=0.5)]
    """
    if isinstance(op, Warp):
        if rows is None or len(rows):
            yield WarpStep(op, params, rows)
    elif not getattr(op, "traceable", True):
        name = type(op).__name__
        raise InputError(
            f"{name} does not say where pixels come from: masks, keypoints and boxes cannot follow it; leave it out"
        )
    elif isinstance(op, Combined):
        for layer in op.layers(params):
            for inner, own, chosen in layer:
                here = rows if chosen is None else chosen if rows is None else rows[chosen]
                yield from warps_of(inner, own, here)


def map_to_input(
    op: Op, points: Float[Tensor, "n *grid d"], params: Params, size: Size, *, settled: bool
) -> Float[Tensor, "n *grid d"]:
    """Map output points to input points.

    Args:
        op: Op on images; ops that move no pixels leave points unchanged.
        points: Output points, -1 to 1 over the image.
        params: Params of n images.
        size: Size of the images in pixels, in the order of the axes.
        settled: Whether the padding mode applies to points beyond the image (see `settle`), as in resampling op by op;
            otherwise the map is as smooth as its warps.

    Raises:
        InputError: If the op cannot map points, as a blend of several geometries.

    Example:
        >>> from manyshot.augment import Compose
        >>> from manyshot.augment.image import Flip, Noise
        >>> op = Compose((Flip(p=1), Noise()))
        >>> params = op.sample(1, torch.Generator().manual_seed(0))
        >>> map_to_input(op, torch.tensor([[[[0.5, 0.2]]]]), params, (8, 8), settled=False).flatten().round(decimals=1)
        tensor([-0.5000,  0.2000])
    """
    for warp, own, rows in reversed(list(warps_of(op, params))):
        before = points if rows is None else points.index_select(0, rows.to(points.device))
        moved = warp.source_points(before, own, size)
        if settled and warp.padding_mode:
            moved = settle(moved, warp.padding_mode, size)
        points = moved if rows is None else points.index_copy(0, rows.to(points.device), moved)
    return points


def map_to_output(
    op: Op, places: Float[Tensor, "n k d"], params: Params, size: Size, *, clip: bool = True
) -> tuple[Float[Tensor, "n k d"], Bool[Tensor, "n k"]]:
    """Map input points to output points.

    Args:
        op: Op on images.
        places: Input points, -1 to 1 over the image.
        params: Params of n images.
        size: Size of the images in pixels, in the order of the axes.
        clip: Whether points beyond the image before the first or after the last warp count as not visible.

    Returns:
        The output points, inside or beyond the image, and whether they are visible. A point that was covered, or that
        was beyond the image between two warps, is not visible.

    Raises:
        InputError: If the op cannot map points.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> params = Affine().sample(1, torch.Generator().manual_seed(0))
        >>> points, visible = map_to_output(Affine(), torch.zeros(1, 1, 2, dtype=torch.float64), params, (8, 8))
        >>> torch.allclose(points[0, 0].float(), params["shift"][0]), bool(visible)
        (True, True)
    """
    shown = torch.ones_like(places[..., 0], dtype=torch.bool)
    framed = torch.full((len(places), 1), clip, device=places.device)
    for warp, own, rows in warps_of(op, params):
        here = torch.arange(len(places), device=places.device) if rows is None else rows.to(places.device)
        before = places.index_select(0, here)
        moved, found = invert(warp, before, own, size)
        kept = found & (is_inside(before) | ~framed.index_select(0, here))
        shown = shown.index_copy(0, here, shown.index_select(0, here) & kept)
        places = places.index_copy(0, here, moved)
        framed = framed.index_fill(0, here, True)
    return places, shown & (is_inside(places) | (not clip))


def is_inside(places: Float[Tensor, "*n d"]) -> Bool[Tensor, "*n"]:
    """Whether points lie in the image.

    Example:
        >>> is_inside(torch.tensor([[1.0, -1.0], [1.1, 0.0]]))
        tensor([ True, False])
    """
    return (places.abs() <= 1 + TOLERANCE).all(-1)


def invert(
    warp: Warp, places: Float[Tensor, "n k d"], params: Params, size: Size
) -> tuple[Float[Tensor, "n k d"], Bool[Tensor, "n k"]]:
    """Map input points of a warp to output points, by Newton's method with step halving.

    Returns:
        The points, and whether the method converged; it may not for a point that is covered or where a field folds.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> places = torch.tensor([[[0.25, 0.5]]], dtype=torch.float64)
        >>> invert(Flip(), places, {"flipped": torch.tensor([True])}, (8, 8))[0].round(decimals=6).tolist()
        [[[-0.25, 0.5]]]
    """
    found, step = places.clone(), torch.ones_like(places[..., :1])
    best = places.new_full(places.shape[:2], torch.inf)
    guess = places
    for _ in range(MAX_STEPS):
        shown, jacobian = _shown(warp, guess, params, size)
        miss = shown - places
        distance = miss.norm(dim=-1)
        better = distance < best
        best = torch.where(better, distance, best)
        found = torch.where(better[..., None], guess, found)
        if bool((best < CONVERGED).all()):
            break
        # Halve a step that increased the error.
        towards = torch.where(better[..., None], _solve(jacobian, miss), (found - guess) / step)
        step = torch.where(better[..., None], 1.0, step / 2)
        guess = found - step * towards
    return found, best < ACCEPTED


def jacobian(op: Op, places: Float[Tensor, "n k d"], params: Params, size: Size) -> Float[Tensor, "n k d d"]:
    """Return the Jacobian, in pixels, of the map from input points to output points.

    Args:
        op: Op on images.
        places: Output points, -1 to 1 over the image.
        params: Params of n images.
        size: Size of the images in pixels, in the order of the axes.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> middle = torch.zeros(1, 1, 2, dtype=torch.float64)
        >>> jacobian(Flip(), middle, {"flipped": torch.tensor([True])}, (8, 16)).round(decimals=6).tolist()
        [[[[-1.0, 0.0], [0.0, 1.0]]]]
    """
    points = places[:, :, None] + _around(places)[1:]
    back = _differences(map_to_input(op, points, params, size, settled=False))
    half = places.new_tensor(size[::-1]) / 2
    there: Tensor = torch.linalg.pinv(back)
    return there * half[:, None] / half


def _shown(
    warp: Warp, guess: Float[Tensor, "n k d"], params: Params, size: Size
) -> tuple[Float[Tensor, "n k d"], Float[Tensor, "n k d d"]]:
    """Return the input points that a warp shows at output points, and the Jacobian there."""
    shown = warp.source_points(guess[:, :, None] + _around(guess), params, size)
    return shown[:, :, 0], _differences(shown[:, :, 1:])


def _around(places: Tensor) -> Float[Tensor, "neighbors d"]:
    """Return the offsets of a point's neighbors, ahead and behind along each axis, after the point itself."""
    ahead = torch.eye(places.shape[-1], dtype=places.dtype, device=places.device) * STEP
    pairs = torch.stack((ahead, -ahead), 1).flatten(0, 1)
    return torch.cat((torch.zeros_like(ahead[:1]), pairs))


def _differences(shown: Float[Tensor, "n k pairs d"]) -> Float[Tensor, "n k d d"]:
    ahead, behind = shown[:, :, 0::2], shown[:, :, 1::2]
    return ((ahead - behind) / (2 * STEP)).mT


def _solve(jacobian: Float[Tensor, "n k d d"], miss: Float[Tensor, "n k d"]) -> Float[Tensor, "n k d"]:
    """Return the Newton step; none where the Jacobian is singular."""
    regular = torch.linalg.det(jacobian)[..., None].abs() > 1e-9
    safe = torch.where(regular[..., None], jacobian, torch.eye(jacobian.shape[-1]).to(jacobian))
    return torch.where(regular, torch.linalg.solve(safe, miss), 0.0)
