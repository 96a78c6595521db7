"""Where places of an image go: through all the warps that an op is made of, one after another.

Warps tell where each place of the output comes from. The way there, where a place of the input goes to, is found by
Newton's method: exact in one step for affine maps, in a few for smooth fields. It is taken warp by warp, because what
one warp moves out of the picture is lost, whatever the next one does.

Places are (x, y), from -1 to 1 over the image's outer edges, as in `manyshot.augment.image.geometric.warp`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from manyshot.augment.image.geometric.warp import Warp, settle
from manyshot.augment.ops.combine import Combined
from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError

MOST_STEPS = 30
NEAR = 1e-4
"""A place is found when it is shown this close to where it should be, as a share of half the image."""
EXACT = 1e-9
"""Newton's method stops this close."""
STEP = 1e-5
"""Of the finite differences that the derivative of a warp is taken from."""
RIM = 1e-6
"""How far beyond the edge a place still counts as inside, for rounding."""


class Step(NamedTuple):
    """A warp that an op is made of, the params drawn for it, and `[m]` which images it changes; None for all."""

    op: Warp
    params: Params
    rows: Int[Tensor, "m"] | None


def steps_of(op: Op, params: Params, rows: Int[Tensor, "m"] | None = None) -> Iterator[Step]:
    """The warps that an op is made of, in the order in which they act.

    Args:
        op: any op on images.
        params: of the images that it changes.
        rows: which images these are; None for all.

    Raises:
        InputError: for an op that cannot tell where pixels come from, such as a blend of several geometries.

    Example:
        >>> from manyshot.augment import Compose
        >>> from manyshot.augment.image import Flip, Noise
        >>> op = Compose((Noise(), Flip()))
        >>> [step.op for step in steps_of(op, op.sample(1, torch.Generator()))]
        [Flip(p=0.5)]
    """
    if isinstance(op, Warp):
        if rows is None or len(rows):
            yield Step(op, params, rows)
    elif not getattr(op, "traceable", True):
        name = type(op).__name__
        raise InputError(f"{name} does not say where pixels come from: masks, keypoints and boxes cannot follow it")
    elif isinstance(op, Combined):
        for layer in op.layers(params):
            for inner, own, chosen in layer:
                here = rows if chosen is None else chosen if rows is None else rows[chosen]
                yield from steps_of(inner, own, here)


def trace(
    op: Op, points: Float[Tensor, "n h w 2"], params: Params, size: tuple[int, int], *, settled: bool
) -> Float[Tensor, "n h w 2"]:
    """Find which place of the input each place of the output comes from.

    Args:
        op: any op on images; those that move no pixels leave points alone.
        points: (x, y), -1 to 1 over the image.
        params: of n images.
        size: (height, width) in pixels.
        settled: whether places beyond an edge are brought to what is shown there (see `settle`), as resampling op by op
            would; without it the map is as smooth as its warps.

    Raises:
        InputError: for an op that cannot tell, such as a blend of several geometries.

    Example:
        >>> from manyshot.augment import Compose
        >>> from manyshot.augment.image import Flip, Noise
        >>> op = Compose((Flip(p=1), Noise()))
        >>> params = op.sample(1, torch.Generator().manual_seed(0))
        >>> trace(op, torch.tensor([[[[0.5, 0.2]]]]), params, (8, 8), settled=False).flatten().round(decimals=1)
        tensor([-0.5000,  0.2000])
    """
    for warp, own, rows in reversed(list(steps_of(op, params))):
        before = points if rows is None else points.index_select(0, rows.to(points.device))
        moved = warp.where(before, own, size)
        if settled and warp.padding_mode:
            moved = settle(moved, warp.padding_mode, size)
        points = moved if rows is None else points.index_copy(0, rows.to(points.device), moved)
    return points


def locate(
    op: Op, places: Float[Tensor, "n k 2"], params: Params, size: tuple[int, int], *, clip: bool = True
) -> tuple[Float[Tensor, "n k 2"], Bool[Tensor, "n k"]]:
    """Find where the output shows places of the input.

    Args:
        op: any op on images.
        places: (x, y), -1 to 1 over the image.
        params: of n images.
        size: (height, width) in pixels.
        clip: whether the picture ends at its edge before the first warp and after the last.

    Returns:
        The places in the output, in or beyond the picture, and whether the output shows them: one that was covered, or
        that was beyond the edge before, between or after the warps, is not shown. Without `clip` the edge counts
        between warps alone.

    Raises:
        InputError: for an op that cannot tell where pixels come from.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> params = Affine().sample(1, torch.Generator().manual_seed(0))
        >>> found, shown = locate(Affine(), torch.zeros(1, 1, 2, dtype=torch.float64), params, (8, 8))
        >>> torch.allclose(found[0, 0].float(), params["shift"][0]), bool(shown)
        (True, True)
    """
    shown = torch.ones_like(places[..., 0], dtype=torch.bool)
    framed = torch.full((len(places), 1), clip, device=places.device)
    for warp, own, rows in steps_of(op, params):
        here = torch.arange(len(places), device=places.device) if rows is None else rows.to(places.device)
        before = places.index_select(0, here)
        moved, found = invert(warp, before, own, size)
        kept = found & (is_inside(before) | ~framed.index_select(0, here))
        shown = shown.index_copy(0, here, shown.index_select(0, here) & kept)
        places = places.index_copy(0, here, moved)
        framed = framed.index_fill(0, here, True)
    return places, shown & (is_inside(places) | (not clip))


def is_inside(places: Float[Tensor, "*n 2"]) -> Bool[Tensor, "*n"]:
    """Whether places lie in the picture.

    Example:
        >>> is_inside(torch.tensor([[1.0, -1.0], [1.1, 0.0]]))
        tensor([ True, False])
    """
    return (places.abs() <= 1 + RIM).all(-1)


def invert(
    warp: Warp, places: Float[Tensor, "n k 2"], params: Params, size: tuple[int, int]
) -> tuple[Float[Tensor, "n k 2"], Bool[Tensor, "n k"]]:
    """Find which places of a warp's output show places of its input, by Newton's method with halved steps.

    Returns:
        The places, and whether they were found: one that is covered, or lies where a field folds, may not be.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> places = torch.tensor([[[0.25, 0.5]]], dtype=torch.float64)
        >>> invert(Flip(), places, {"flipped": torch.tensor([True])}, (8, 8))[0].round(decimals=6).tolist()
        [[[-0.25, 0.5]]]
    """
    found, share = places.clone(), torch.ones_like(places[..., :1])
    best = places.new_full(places.shape[:2], torch.inf)
    guess = places
    for _ in range(MOST_STEPS):
        shown, slope = _shown(warp, guess, params, size)
        miss = shown - places
        distance = miss.norm(dim=-1)
        better = distance < best
        best = torch.where(better, distance, best)
        found = torch.where(better[..., None], guess, found)
        if bool((best < EXACT).all()):
            break
        # Where a step made it worse, half of it is tried.
        towards = torch.where(better[..., None], _solve(slope, miss), (found - guess) / share)
        share = torch.where(better[..., None], 1.0, share / 2)
        guess = found - share * towards
    return found, best < NEAR


def derivative(
    op: Op, places: Float[Tensor, "n k 2"], params: Params, size: tuple[int, int]
) -> Float[Tensor, "n k 2 2"]:
    """How the output is turned and stretched against the input, in pixels: the Jacobian of the way there.

    Args:
        op: any op on images.
        places: (x, y) of the output, -1 to 1 over the image.
        params: of n images.
        size: (height, width) in pixels.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> middle = torch.zeros(1, 1, 2, dtype=torch.float64)
        >>> derivative(Flip(), middle, {"flipped": torch.tensor([True])}, (8, 16)).round(decimals=6).tolist()
        [[[[-1.0, 0.0], [0.0, 1.0]]]]
    """
    points = places[:, :, None] + _around(places)[1:]
    back = _differences(trace(op, points, params, size, settled=False))
    half = places.new_tensor([size[1], size[0]]) / 2
    there: Tensor = torch.linalg.pinv(back)
    return there * half[:, None] / half


def _shown(
    warp: Warp, guess: Float[Tensor, "n k 2"], params: Params, size: tuple[int, int]
) -> tuple[Float[Tensor, "n k 2"], Float[Tensor, "n k 2 2"]]:
    """What a warp shows at places, and the derivative there."""
    shown = warp.where(guess[:, :, None] + _around(guess), params, size)
    return shown[:, :, 0], _differences(shown[:, :, 1:])


def _around(places: Tensor) -> Float[Tensor, "5 2"]:
    return places.new_tensor([[0, 0], [STEP, 0], [-STEP, 0], [0, STEP], [0, -STEP]])


def _differences(shown: Float[Tensor, "n k 4 2"]) -> Float[Tensor, "n k 2 2"]:
    return torch.stack((shown[:, :, 0] - shown[:, :, 1], shown[:, :, 2] - shown[:, :, 3]), -1) / (2 * STEP)


def _solve(slope: Float[Tensor, "n k 2 2"], miss: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k 2"]:
    """The step that makes up for what is missed; none where the map is flat."""
    (a, b), (c, d) = slope[..., 0, :].unbind(-1), slope[..., 1, :].unbind(-1)
    x, y = miss.unbind(-1)
    determinant = a * d - b * c
    step = torch.stack((d * x - b * y, a * y - c * x), -1) / determinant[..., None]
    return torch.where(determinant[..., None].abs() > 1e-9, step, 0.0)
