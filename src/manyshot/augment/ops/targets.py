"""Targets: masks, keypoints and boxes that follow the geometry of an op, by the same params.

Masks and keypoints follow in images and in volumes, boxes in images.

Warps map output points to input points, which is all that a mask needs. Keypoints and boxes need the inverse, which
`manyshot.augment.ops.map_points` computes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from manyshot.augment.image.geometric.warp import pixels
from manyshot.augment.ops.boxes import move_boxes
from manyshot.augment.ops.map_points import WarpStep, map_to_input, map_to_output, warps_of
from manyshot.augment.ops.op import Op, Params, check_range
from manyshot.base import InputError

ROUNDING = 1e-4
"""Coordinates this close to a whole number of pixels are rounded to it."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Images and their targets after an op; None for those that were not given.

    Args:
        images: `[n, c, h, w]`, or volumes `[n, c, d, h, w]`.
        masks: Masks in the shape and dtype of the input.
        keypoints: `[n, k, 2]` (x, y), `[n, k, 3]` (x, y, z) in volumes, in pixels; pixel centers are whole.
        visible: `[n, k]` whether the keypoint is still in the image. A point that one of several ops moved out of the
            image is lost, even if a later op moves it back.
        boxes: `[n, b, 4]` (left, top, right, bottom) in pixels, clipped to the image; pixel i reaches from i to i + 1.
            All 0 for a box that is lost.
        visible_area: `[n, b]` fraction of the box's area that is still in the image, 0 to 1.
    """

    images: Float[Tensor, "n c *size"] | None = None
    masks: Shaped[Tensor, "n *chw"] | None = None
    keypoints: Float[Tensor, "n k d"] | None = None
    visible: Bool[Tensor, "n k"] | None = None
    boxes: Float[Tensor, "n b 4"] | None = None
    visible_area: Float[Tensor, "n b"] | None = None


def apply_to(
    op: Op,
    params: Params,
    *,
    images: Float[Tensor, "n c *size"] | None = None,
    masks: Shaped[Tensor, "n *chw"] | None = None,
    keypoints: Float[Tensor, "n k d"] | None = None,
    boxes: Float[Tensor, "n b 4"] | None = None,
    size: tuple[int, ...] | None = None,
    clip: bool = True,
) -> Targets:
    """Apply an op to images and their targets.

    Args:
        op: Op on images, including compositions.
        params: Params of n images.
        images: Images `[n, c, h, w]` or volumes `[n, c, d, h, w]` with values from 0 to 1.
        masks: Masks `[n, h, w]` or `[n, c, h, w]` of any dtype, `[n, d, h, w]` or `[n, c, d, h, w]` of volumes, sampled
            at the nearest pixel; 0 beyond the image if the padding mode is zeros. They may have another resolution than
            the images.
        keypoints: Points (x, y), or (x, y, z) in volumes, in pixels; the center of the first pixel is (0, 0).
        boxes: Boxes (left, top, right, bottom) in pixels; the first pixel is (0, 0, 1, 1).
        size: (height, width) or (depth, height, width) in pixels; needed without images, for keypoints or boxes alone
            and for masks `[n, d, h, w]` of volumes.
        clip: Whether boxes are clipped to the image, and keypoints beyond it are not visible, before and after the op.
            If False, only points that are covered or lost between two warps count as lost.

    Raises:
        InputError: If the size is not known, the op cannot map points, or boxes of volumes are given.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> params = {"flipped": torch.tensor([True])}
        >>> moved = apply_to(Flip(), params, keypoints=torch.tensor([[[0.0, 3.0]]]), size=(8, 10))
        >>> moved.keypoints.tolist(), moved.visible.tolist()
        ([[[9.0, 3.0]]], [[True]])
    """
    if images is not None:
        size = tuple(images.shape[2:])
    elif masks is not None and size is None:
        size = tuple(masks.shape[-3:] if masks.ndim == 5 else masks.shape[-2:])
    if size is None:
        raise InputError("apply_to: give images or masks, or size=(height, width)")
    check_range(op, images)
    results: dict[str, Any] = {"images": None if images is None else op.apply(images, params)}
    if masks is not None:
        results["masks"] = move_masks(op, masks, params, size)
    sides = torch.tensor(size[::-1], dtype=torch.float64)
    if keypoints is not None:
        sides = sides.to(keypoints.device)
        moved, results["visible"] = map_to_output(op, (2 * keypoints.double() + 1) / sides - 1, params, size, clip=clip)
        results["keypoints"] = _rounded(((moved + 1) * sides - 1) / 2).to(keypoints)
    if boxes is not None:
        if len(size) != 2:
            raise InputError("apply_to: boxes follow in images only; in volumes give masks or keypoints")
        sides = sides.to(boxes.device)
        corners = 2 * boxes.double().view(*boxes.shape[:2], 2, 2) / sides - 1
        moved, visible_area = move_boxes(op, corners, params, (size[0], size[1]), clip=clip)
        lost = (visible_area == 0) & (corners[..., 1, :] > corners[..., 0, :]).all(-1)
        moved = _rounded((moved + 1) / 2 * sides).flatten(-2).masked_fill(lost[..., None], 0)
        results["boxes"], results["visible_area"] = moved.to(boxes), visible_area.to(boxes)
    return Targets(**results)


def _rounded(coordinates: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Remove numerical noise from coordinates in pixels."""
    near = coordinates.round() + 0.0  # turns -0 into 0
    return torch.where((coordinates - near).abs() < ROUNDING, near, coordinates)


def move_masks(
    op: Op, masks: Shaped[Tensor, "n *chw"], params: Params, size: tuple[int, ...]
) -> Shaped[Tensor, "n *chw"]:
    """Move masks with their images: each value is that of the nearest pixel, so no new value appears.

    Args:
        op: Op on images.
        masks: Masks of any dtype; their last axes are those of the images, perhaps at another resolution.
        params: Params of n images.
        size: Size of the images in pixels, in the order of the axes.

    Raises:
        InputError: If the op cannot map points.
    """
    own = tuple(masks.shape[-len(size) :])
    steps = list(warps_of(op, params))
    index = _voxel_index(steps, masks, own) if own == size and len(size) == 3 else None
    if index is None:
        grid = pixels(torch.empty(len(masks), 1, *own, dtype=torch.float64, device=masks.device))
        index = _pixel_index(map_to_input(op, grid, params, size, settled=True), own)
    moved = _pick(masks, index)
    for warp, drawn, rows in steps:
        if rows is None:
            moved = warp.relabel(moved, drawn)
        else:
            here = rows.to(moved.device)
            moved = moved.index_copy(0, here, warp.relabel(moved.index_select(0, here), drawn))
    return moved


def _voxel_index(
    steps: Sequence[WarpStep], masks: Shaped[Tensor, "n *chw"], size: tuple[int, ...]
) -> Int[Tensor, "n d h w"] | None:
    """Find by a kernel which voxel each output voxel shows; None if it cannot."""
    from manyshot.augment.volume.volume_resampler import Step, nearest_index  # numba takes half a second to import

    return nearest_index([Step(*step) for step in steps], len(masks), size, masks)


def _pixel_index(points: Float[Tensor, "n *grid d"], size: tuple[int, ...]) -> Int[Tensor, "n *grid"]:
    """Return the flat index of the pixel nearest to each point; -1 beyond the image."""
    index = torch.zeros(points.shape[:-1], dtype=torch.long, device=points.device)
    for axis, side in enumerate(size):
        place = ((points[..., len(size) - 1 - axis] + 1) / 2 * side).floor().clamp(0, side - 1).long()
        index = index * side + place
    return index.masked_fill((points.abs() > 1).any(-1), -1)


def _pick(masks: Shaped[Tensor, "n *chw"], index: Int[Tensor, "n *grid"]) -> Shaped[Tensor, "n *chw"]:
    """Take the values of masks at pixels; 0 for pixel -1."""
    dims = index.ndim - 1
    planes = masks.reshape(len(masks), masks.shape[1:-dims].numel(), masks.shape[-dims:].numel())
    places = index.flatten(1)[:, None]
    taken = planes.gather(2, places.clamp(min=0).expand(-1, planes.shape[1], -1))
    return taken.masked_fill(places < 0, 0).view(masks.shape)
