"""What goes with an image: masks, keypoints and boxes follow the geometry of an op, by the same params.

Warps tell where each place of the output comes from. That is all that a mask needs. Keypoints and boxes need the way
there, which `manyshot.augment.ops.follow` finds.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from manyshot.augment.image.geometric.warp import pixels
from manyshot.augment.ops.boxes import move_boxes
from manyshot.augment.ops.follow import locate, trace
from manyshot.augment.ops.op import Op, Params
from manyshot.base import InputError

WHOLE = 1e-4
"""A coordinate this close to a whole number of pixels is that number, so that whole pixels stay whole."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Images and what goes with them, after an op; None for what was not given.

    Args:
        images: `[n, c, h, w]`.
        masks: as given.
        keypoints: `[n, k, 2]` (x, y) in pixels; a pixel's centre has whole numbers.
        visible: `[n, k]` whether the picture still shows the keypoint: what one op of several moved out of the picture
            is lost, though the next may move its place back.
        boxes: `[n, b, 4]` (left, top, right, bottom) in pixels; pixel i reaches from i to i + 1. Cut off at the edge;
            all 0 for a box of which nothing is left.
        shares: `[n, b]` which part of the box's area the picture still shows, 0 to 1.
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
    clip: bool = True,
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
        clip: whether the picture's edge cuts off boxes and hides keypoints that lie beyond it, before or after the op.
            Without it, for rules of your own, only what is covered or lost between two warps counts.

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
        moved, found["visible"] = locate(op, (2 * keypoints.double() + 1) / sides - 1, params, size, clip=clip)
        found["keypoints"] = _whole(((moved + 1) * sides - 1) / 2).to(keypoints)
    if boxes is not None:
        sides = sides.to(boxes.device)
        corners = 2 * boxes.double().view(*boxes.shape[:2], 2, 2) / sides - 1
        moved, shares = move_boxes(op, corners, params, size, clip=clip)
        lost = (shares == 0) & (corners[..., 1, :] > corners[..., 0, :]).all(-1)
        moved = _whole((moved + 1) / 2 * sides).flatten(-2).masked_fill(lost[..., None], 0)
        found["boxes"], found["shares"] = moved.to(boxes), shares.to(boxes)
    return Targets(**found)


def _whole(coordinates: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Coordinates in pixels without the rounding of how they were found."""
    near = coordinates.round() + 0.0  # which makes 0 of -0
    return torch.where((coordinates - near).abs() < WHOLE, near, coordinates)


def _nearest(masks: Shaped[Tensor, "n *chw"], points: Float[Tensor, "n h w 2"]) -> Shaped[Tensor, "n *chw"]:
    """Read masks at the nearest pixel; 0 beyond the edge."""
    h, w = masks.shape[-2:]
    column = ((points[..., 0] + 1) / 2 * w).floor().clamp(0, w - 1).long()
    row = ((points[..., 1] + 1) / 2 * h).floor().clamp(0, h - 1).long()
    planes = masks.reshape(len(masks), masks.shape[1:-2].numel(), h * w)
    place = (row * w + column).flatten(1)[:, None].expand(-1, planes.shape[1], -1)
    outside = (points.abs() > 1).any(-1).flatten(1)[:, None]
    return planes.gather(2, place).masked_fill(outside, 0).view(masks.shape)
