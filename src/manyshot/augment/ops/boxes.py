"""Boxes that follow an op: their outlines are moved warp by warp and clipped to the image each time."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.augment.ops.map_points import invert, warps_of
from manyshot.augment.ops.op import Op, Params

POINTS_PER_EDGE = 8
"""Number of points per edge of a box that are moved; the new box encloses them."""
NO_AREA = 1e-12
ROUNDING = 1e-9
"""Smaller fractions of a box count as 0."""


def move_boxes(
    op: Op, corners: Float[Tensor, "n b 2 2"], params: Params, size: tuple[int, int], *, clip: bool
) -> tuple[Float[Tensor, "n b 2 2"], Float[Tensor, "n b"]]:
    """Move boxes and return the axis-aligned boxes around what is left of them.

    Args:
        op: Op on images.
        corners: (left, top) and (right, bottom), -1 to 1 over the image.
        params: Params of n images.
        size: (height, width) in pixels.
        clip: Whether boxes are clipped to the image before the first warp and after the last. Between warps they always
            are.

    Returns:
        The new corners, and the fraction of each box's area that is left, 0 to 1.

    Raises:
        InputError: If the op cannot map points.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> corners = torch.tensor([[[[0.5, 0.0], [1.0, 1.0]]]], dtype=torch.float64)
        >>> moved, visible_area = move_boxes(Flip(), corners, {"flipped": torch.tensor([True])}, (8, 8), clip=True)
        >>> moved.round(decimals=6).tolist(), visible_area.round(decimals=6).tolist()
        ([[[[-1.0, 0.0], [-0.5, 1.0]]]], [[1.0]])
    """
    outline = _outline(corners)
    visible_area = corners.new_ones(corners.shape[:2])
    framed = torch.full((len(outline),), clip, device=outline.device)
    for warp, own, rows in warps_of(op, params):
        here = torch.arange(len(outline), device=outline.device) if rows is None else rows.to(outline.device)
        before = outline.index_select(0, here)
        cut = _clipped_where(framed.index_select(0, here), before)
        visible_area = visible_area.index_copy(0, here, visible_area.index_select(0, here) * _kept(before, cut))
        n, b, m, _ = cut.shape
        moved, found = invert(warp, cut.reshape(n, b * m, 2), own, size)
        moved = _compacted(moved.view(n, b, m, 2), found.view(n, b, m))
        outline = _put(outline, here, moved)
        framed = framed.index_fill(0, here, True)
    last = clip_polygons(outline) if clip else outline
    return torch.stack((last.amin(2), last.amax(2)), 2), visible_area * _kept(outline, last)


def clip_polygons(polygons: Float[Tensor, "n b m 2"]) -> Float[Tensor, "n b m2 2"]:
    """Clip polygons to the image (Sutherland and Hodgman 1974).

    A polygon outside the image becomes a point; one with fewer corners than others repeats its last one.

    Example:
        >>> square = torch.tensor([[[[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]]])
        >>> clip_polygons(square)[0, 0].unique(dim=0).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    for axis in (0, 1):
        for sign in (-1, 1):
            distance = 1 - sign * polygons[..., axis]
            after, distance_after = polygons.roll(-1, 2), distance.roll(-1, 2)
            inside = distance >= 0
            crosses = inside != (distance_after >= 0)
            weight = torch.where(crosses, distance / torch.where(crosses, distance - distance_after, 1.0), 0.0)
            crossing = torch.lerp(polygons, after, weight[..., None])
            both = torch.stack((polygons, crossing), 3).flatten(2, 3)
            polygons = _compacted(both, torch.stack((inside, crosses), 3).flatten(2, 3))
    return polygons


def _clipped_where(on: Bool[Tensor, "n"], polygons: Float[Tensor, "n b m 2"]) -> Float[Tensor, "n b m2 2"]:
    clipped = clip_polygons(polygons)
    width = max(clipped.shape[2], polygons.shape[2])
    return torch.where(on[:, None, None, None], _padded(clipped, width), _padded(polygons, width))


def _outline(corners: Float[Tensor, "n b 2 2"]) -> Float[Tensor, "n b m 2"]:
    """Points along the edges of boxes, in order."""
    line = torch.arange(POINTS_PER_EDGE, dtype=corners.dtype, device=corners.device) / POINTS_PER_EDGE
    none, whole = torch.zeros_like(line), torch.ones_like(line)
    edges = ((line, none), (whole, line), (1 - line, whole), (none, 1 - line))
    rim = torch.cat([torch.stack(padding_mode, -1) for padding_mode in edges])
    # A weighted sum of both ends reproduces the corners exactly.
    return corners[:, :, :1] * (1 - rim) + corners[:, :, 1:] * rim


def _compacted(polygons: Float[Tensor, "n b m 2"], keep: Bool[Tensor, "n b m"]) -> Float[Tensor, "n b m2 2"]:
    """Keep the chosen corners in order, padded with the last one; at least one corner per polygon."""
    order = (~keep).to(torch.uint8).sort(stable=True, dim=-1).indices
    count = keep.sum(-1, keepdim=True)
    width = max(1, int(count.max()) if count.numel() else 1)
    slot = torch.arange(width, device=keep.device).minimum((count - 1).clamp(min=0))
    index = order.gather(-1, slot)
    return polygons.gather(2, index[..., None].expand(*index.shape, 2))


def _put(
    polygons: Float[Tensor, "n b m 2"], rows: Tensor, changed: Float[Tensor, "r b k 2"]
) -> Float[Tensor, "n b m2 2"]:
    """Replace rows of polygons, padded to one number of corners."""
    width = max(polygons.shape[2], changed.shape[2])
    padded, new = (_padded(some, width) for some in (polygons, changed))
    return padded.index_copy(0, rows, new)


def _padded(polygons: Float[Tensor, "n b m 2"], width: int) -> Float[Tensor, "n b m2 2"]:
    slot = torch.arange(width, device=polygons.device).clamp(max=polygons.shape[2] - 1)
    return polygons.index_select(2, slot)


def _area(polygons: Float[Tensor, "n b m 2"]) -> Float[Tensor, "n b"]:
    """Area by the shoelace formula."""
    x, y = polygons.unbind(-1)
    return (x * y.roll(-1, -1) - x.roll(-1, -1) * y).sum(-1).abs() / 2


def _kept(before: Float[Tensor, "n b m 2"], after: Float[Tensor, "n b k 2"]) -> Float[Tensor, "n b"]:
    """Fraction of the area of polygons that is left; 0 for polygons without area."""
    whole = _area(before)
    kept = (_area(after) / whole.clamp(min=NO_AREA)).clamp(max=1)
    return torch.where((whole > NO_AREA) & (kept > ROUNDING), kept, 0.0)
