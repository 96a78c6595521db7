"""Targets: masks, keypoints and boxes that follow the geometry of an op, by the same params.

Warps map output points to input points, which is all that a mask needs. Keypoints and boxes need the inverse, which
`manyshot.augment.ops.follow` computes.
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

ROUNDING = 1e-4
"""Coordinates this close to a whole number of pixels are rounded to it."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Images and their targets after an op; None for those that were not given.

    Args:
        images: `[n, c, h, w]`.
        masks: Masks in the shape and dtype of the input.
        keypoints: `[n, k, 2]` (x, y) in pixels; pixel centers have whole coordinates.
        visible: `[n, k]` whether the keypoint is still in the image. A point that one of several ops moved out of the
            image is lost, even if a later op moves it back.
        boxes: `[n, b, 4]` (left, top, right, bottom) in pixels, clipped to the image; pixel i reaches from i to i + 1.
            All 0 for a box that is lost.
        visible_area: `[n, b]` fraction of the box's area that is still in the image, 0 to 1.
    """

    images: Float[Tensor, "n c h w"] | None = None
    masks: Shaped[Tensor, "n *chw"] | None = None
    keypoints: Float[Tensor, "n k 2"] | None = None
    visible: Bool[Tensor, "n k"] | None = None
    boxes: Float[Tensor, "n b 4"] | None = None
    visible_area: Float[Tensor, "n b"] | None = None


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
    """Apply an op to images and their targets.

    Args:
        op: Op on images, including compositions.
        params: Params of n images.
        images: Images with values from 0 to 1.
        masks: Masks `[n, h, w]` or `[n, c, h, w]` of any dtype, sampled at the nearest pixel; 0 beyond the image if the
            padding mode is zeros.
        keypoints: Points (x, y) in pixels; the center of the first pixel is (0, 0).
        boxes: Boxes (left, top, right, bottom) in pixels; the first pixel is (0, 0, 1, 1).
        size: (height, width) in pixels; needed if neither images nor masks are given.
        clip: Whether boxes are clipped to the image, and keypoints beyond it are not visible, before and after the op.
            If False, only points that are covered or lost between two warps count as lost.

    Raises:
        InputError: If the size is not known, or the op cannot map points.

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
    results: dict[str, Any] = {"images": None if images is None else op.apply(images, params)}
    if masks is not None:
        grid = pixels(torch.empty(len(masks), 1, *size, dtype=torch.float64, device=masks.device))
        results["masks"] = _nearest(masks, trace(op, grid, params, size, settled=True))
    sides = torch.tensor([size[1], size[0]], dtype=torch.float64)
    if keypoints is not None:
        sides = sides.to(keypoints.device)
        moved, results["visible"] = locate(op, (2 * keypoints.double() + 1) / sides - 1, params, size, clip=clip)
        results["keypoints"] = _rounded(((moved + 1) * sides - 1) / 2).to(keypoints)
    if boxes is not None:
        sides = sides.to(boxes.device)
        corners = 2 * boxes.double().view(*boxes.shape[:2], 2, 2) / sides - 1
        moved, visible_area = move_boxes(op, corners, params, size, clip=clip)
        lost = (visible_area == 0) & (corners[..., 1, :] > corners[..., 0, :]).all(-1)
        moved = _rounded((moved + 1) / 2 * sides).flatten(-2).masked_fill(lost[..., None], 0)
        results["boxes"], results["visible_area"] = moved.to(boxes), visible_area.to(boxes)
    return Targets(**results)


def _rounded(coordinates: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Remove numerical noise from coordinates in pixels."""
    near = coordinates.round() + 0.0  # turns -0 into 0
    return torch.where((coordinates - near).abs() < ROUNDING, near, coordinates)


def _nearest(masks: Shaped[Tensor, "n *chw"], points: Float[Tensor, "n h w 2"]) -> Shaped[Tensor, "n *chw"]:
    """Sample masks at the nearest pixel; 0 beyond the image."""
    h, w = masks.shape[-2:]
    column = ((points[..., 0] + 1) / 2 * w).floor().clamp(0, w - 1).long()
    row = ((points[..., 1] + 1) / 2 * h).floor().clamp(0, h - 1).long()
    planes = masks.reshape(len(masks), masks.shape[1:-2].numel(), h * w)
    index = (row * w + column).flatten(1)[:, None].expand(-1, planes.shape[1], -1)
    outside = (points.abs() > 1).any(-1).flatten(1)[:, None]
    return planes.gather(2, index).masked_fill(outside, 0).view(masks.shape)
