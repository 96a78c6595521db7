"""What goes with an image: masks, keypoints and boxes follow the geometry of an op, by the same params.

Warps tell where each place of the output comes from. That is all that a mask needs. A keypoint needs the inverse, where
a place of the input goes to, which is found by Newton's method: exact in one step for affine maps, in a few for smooth
fields.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from manyshot.augment.image.geometric.warp import Warp, pixels, settle
from manyshot.augment.ops.combine import Combined
from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError

MOST_STEPS = 30
NEAR = 1e-4
"""A place is found when it is shown this close to where it should be, as a share of half the image."""
POINTS_AN_EDGE = 9
"""Places of each edge of a box that are followed; the moved box holds them all."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Images and what goes with them, after an op; None for what was not given.

    Args:
        images: `[n, c, h, w]`.
        masks: as given.
        keypoints: `[n, k, 2]` (x, y) in pixels; a pixel's centre has whole numbers.
        visible: `[n, k]` whether the keypoint is still in the picture.
        boxes: `[n, b, 4]` (left, top, right, bottom) in pixels; pixel i reaches from i to i + 1. Cut off at the edge.
        shares: `[n, b]` how much of the moved box lies in the picture, 0 to 1.
    """

    images: Float[Tensor, "n c h w"] | None = None
    masks: Shaped[Tensor, "n *chw"] | None = None
    keypoints: Float[Tensor, "n k 2"] | None = None
    visible: Bool[Tensor, "n k"] | None = None
    boxes: Float[Tensor, "n b 4"] | None = None
    shares: Float[Tensor, "n b"] | None = None


def apply_to(
    op: Op,
    params: Params,
    *,
    images: Float[Tensor, "n c h w"] | None = None,
    masks: Shaped[Tensor, "n *chw"] | None = None,
    keypoints: Float[Tensor, "n k 2"] | None = None,
    boxes: Float[Tensor, "n b 4"] | None = None,
    size: tuple[int, int] | None = None,
) -> Targets:
    """Apply an op to images and to what goes with them.

    Args:
        op: any op on images, composed ones too.
        params: of n images.
        images: values from 0 to 1.
        masks: `[n, h, w]` or `[n, c, h, w]`, of any type: moved to the nearest pixel; 0 comes in beyond a zero edge.
        keypoints: (x, y) in pixels; the centre of the first pixel is (0, 0).
        boxes: (left, top, right, bottom) in pixels; the first pixel is (0, 0, 1, 1).
        size: (height, width) in pixels, where neither images nor masks tell it.

    Raises:
        InputError: if the size is not known, or the op cannot say where pixels come from.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> params = {"flipped": torch.tensor([True])}
        >>> moved = apply_to(Flip(), params, keypoints=torch.tensor([[[0.0, 3.0]]]), size=(8, 10))
        >>> moved.keypoints.tolist(), moved.visible.tolist()
        ([[[9.0, 3.0]]], [[True]])
    """
    like = images if images is not None else masks
    if like is not None:
        size = (like.shape[-2], like.shape[-1])
    if size is None:
        raise InputError("apply_to: give images or masks, or size=(height, width)")
    found: dict[str, Any] = {"images": None if images is None else op.apply(images, params)}
    if masks is not None:
        grid = pixels(torch.empty(len(masks), 1, *size, dtype=torch.float64, device=masks.device))
        found["masks"] = _nearest(masks, trace(op, grid, params, size, settled=True))
    sides = torch.tensor([size[1], size[0]], dtype=torch.float64)
    if keypoints is not None:
        sides = sides.to(keypoints.device)
        moved, shown = locate(op, (2 * keypoints.double() + 1) / sides - 1, params, size)
        found["keypoints"] = (((moved + 1) * sides - 1) / 2).to(keypoints)
        found["visible"] = shown & (moved.abs() <= 1).all(-1)
    if boxes is not None:
        found["boxes"], found["shares"] = _move_boxes(op, boxes, params, size)
    return Targets(**found)


def trace(
    op: Op, points: Float[Tensor, "n h w 2"], params: Params, size: tuple[int, int], *, settled: bool
) -> Float[Tensor, "n h w 2"]:
    """Tell which place of the input each place of the output comes from, through all that an op is made of.

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
    if isinstance(op, Warp):
        moved = op.where(points, params, size)
        return settle(moved, op.edge, size) if settled and op.edge else moved
    if not getattr(op, "traceable", True):
        name = type(op).__name__
        raise InputError(f"{name} does not say where pixels come from: masks, keypoints and boxes cannot follow it")
    if isinstance(op, Combined):
        for layer in reversed(op.layers(params)):
            before = points
            for inner, own, rows in layer:
                if rows is None:
                    points = trace(inner, before, own, size, settled=settled)
                else:
                    here = rows.to(points.device)
                    moved = trace(inner, before.index_select(0, here), own, size, settled=settled)
                    points = points.index_copy(0, here, moved)
    return points


def locate(
    op: Op, places: Float[Tensor, "n k 2"], params: Params, size: tuple[int, int]
) -> tuple[Float[Tensor, "n k 2"], Bool[Tensor, "n k"]]:
    """Find where the output shows places of the input, by Newton's method with halved steps.

    Args:
        op: any op on images.
        places: (x, y), -1 to 1 over the image.
        params: of n images.
        size: (height, width) in pixels.

    Returns:
        The places in the output, in or beyond the picture, and whether they were found: one that is covered, or lies
        where a field folds, may not be.

    Raises:
        InputError: for an op that cannot tell where pixels come from.

    Example:
        >>> from manyshot.augment.image import Affine
        >>> params = Affine().sample(1, torch.Generator().manual_seed(0))
        >>> found, _ = locate(Affine(), torch.zeros(1, 1, 2, dtype=torch.float64), params, (8, 8))
        >>> torch.allclose(found[0, 0].float(), params["shift"][0])
        True
    """
    step = 1e-5
    around = places.new_tensor([[0, 0], [step, 0], [-step, 0], [0, step], [0, -step]])
    found, share = places.clone(), torch.ones_like(places[..., :1])
    best = places.new_full(places.shape[:2], torch.inf)
    guess = places
    for _ in range(MOST_STEPS):
        shown = trace(op, guess[:, :, None] + around, params, size, settled=False)
        miss = shown[:, :, 0] - places
        distance = miss.norm(dim=-1)
        better = distance < best
        best = torch.where(better, distance, best)
        found = torch.where(better[..., None], guess, found)
        if bool((best < NEAR / 100).all()):
            break
        slope = torch.stack((shown[:, :, 1] - shown[:, :, 2], shown[:, :, 3] - shown[:, :, 4]), -1) / (2 * step)
        towards = torch.where(better[..., None], _solve(slope, miss), _kept(guess, found, share))
        share = torch.where(better[..., None], 1.0, share / 2)
        guess = found - share * towards
    return found, best < NEAR


def _solve(slope: Float[Tensor, "n k 2 2"], miss: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k 2"]:
    """The step whose slope makes up for what is missed; none where the map is flat."""
    (a, b), (c, d) = slope[..., 0, :].unbind(-1), slope[..., 1, :].unbind(-1)
    x, y = miss.unbind(-1)
    determinant = a * d - b * c
    step = torch.stack((d * x - b * y, a * y - c * x), -1) / determinant[..., None]
    return torch.where(determinant[..., None].abs() > 1e-9, step, 0.0)


def _kept(guess: Float[Tensor, "n k 2"], found: Float[Tensor, "n k 2"], share: Tensor) -> Float[Tensor, "n k 2"]:
    """The whole step of which `guess` was a share too far."""
    return (found - guess) / share


def _nearest(masks: Shaped[Tensor, "n *chw"], points: Float[Tensor, "n h w 2"]) -> Shaped[Tensor, "n *chw"]:
    """Read masks at the nearest pixel; 0 beyond the edge."""
    h, w = masks.shape[-2:]
    column = ((points[..., 0] + 1) / 2 * w).floor().clamp(0, w - 1).long()
    row = ((points[..., 1] + 1) / 2 * h).floor().clamp(0, h - 1).long()
    planes = masks.reshape(len(masks), masks.shape[1:-2].numel(), h * w)
    place = (row * w + column).flatten(1)[:, None].expand(-1, planes.shape[1], -1)
    outside = (points.abs() > 1).any(-1).flatten(1)[:, None]
    return planes.gather(2, place).masked_fill(outside, 0).view(masks.shape)


def _move_boxes(
    op: Op, boxes: Float[Tensor, "n b 4"], params: Params, size: tuple[int, int]
) -> tuple[Float[Tensor, "n b 4"], Float[Tensor, "n b"]]:
    """The upright boxes around the moved edges, cut off at the picture's, and the shares that are left."""
    n, b, _ = boxes.shape
    sides = torch.tensor([size[1], size[0]], dtype=torch.float64, device=boxes.device)
    corners = 2 * boxes.double().view(n, b, 2, 2) / sides - 1
    line = torch.linspace(0, 1, POINTS_AN_EDGE, dtype=torch.float64, device=boxes.device)
    none, whole = torch.zeros_like(line), torch.ones_like(line)
    rim = torch.cat([torch.stack(pair, -1) for pair in ((line, none), (line, whole), (none, line), (whole, line))])
    places = corners[:, :, :1] + rim * (corners[:, :, 1:] - corners[:, :, :1])
    moved, shown = locate(op, places.flatten(1, 2), params, size)
    moved, shown = moved.view(places.shape), shown.view(n, b, -1, 1)
    low = moved.masked_fill(~shown, torch.inf).amin(2)
    high = moved.masked_fill(~shown, -torch.inf).amax(2)
    lost = ~shown.any(2)
    cut_low, cut_high = low.clamp(-1, 1), high.clamp(-1, 1)
    area = (high - low).prod(-1).masked_fill(lost[..., 0], 1)
    left = (cut_high - cut_low).clamp(min=0).prod(-1).masked_fill(lost[..., 0], 0)
    result = (torch.stack((cut_low, cut_high), 2) + 1) / 2 * sides
    shares = torch.where(area > 0, left / area.clamp(min=1e-12), 0.0)
    return result.masked_fill(lost[..., None], 0).view(n, b, 4).to(boxes), shares.to(boxes)
