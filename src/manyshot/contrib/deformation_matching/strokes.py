"""Drawings as points along their strokes, with positions and directions."""

import math

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.contrib.deformation_matching.thinning_kernels import thin

SIDE = 96
"""Side in pixels to which drawings are resized; lengths below are in these pixels."""
MAX_POINTS = 96
"""Largest number of points per drawing."""
REACH = 4.0
"""Radius in pixels within which the direction of a stroke is measured."""


def stroke_points(drawing: Float[Tensor, "c h w"]) -> Float[np.ndarray, "6 n"]:
    """Return at most 96 evenly spread points on the center line of a drawing's strokes.

    Pixels brighter than the midpoint of the darkest and brightest pixel count as ink. Ink is thinned to lines of one
    pixel; the direction of a point is the major axis of the line around it.

    Args:
        drawing: Image with bright ink on dark paper, of about 64 pixels or more: smaller ones lose crossings.

    Returns:
        Rows of x, y, cos and sin of the direction, straightness of the line there (0 to 1), and weight of the point
        (fraction of the line). x and y are centered with unit standard deviation (mean over both axes).

    Raises:
        InputError: If a value is not finite.

    Example:
        >>> import torch
        >>> bar = torch.zeros(1, 96, 96)
        >>> bar[:, 46:50, 20:76] = 1
        >>> x, y, cos, sin, straight, share = stroke_points(bar)
        >>> bool(x.std() > 20 * y.std()), bool(abs(cos).min() > 0.99), round(float(share.sum()), 3)
        (True, True, 1.0)
    """
    line = _middle_line(drawing)
    places = np.argwhere(line)[:, ::-1].astype(np.float64)
    apart = np.square(places[:, None] - places[None]).sum(-1)
    cos, sin, straight = _directions(places, apart)
    chosen = _spread(apart, MAX_POINTS)
    shares = np.bincount(apart[:, chosen].argmin(1), minlength=len(chosen)) / len(places)
    smooth = np.exp(-apart / 2)
    smooth = smooth @ places / smooth.sum(1, keepdims=True)
    middle = places.mean(0)
    spread = max(math.sqrt(np.square(places - middle).sum(1).mean() / 2), 1.5)  # a dot is not scaled up to a drawing
    x, y = ((smooth - middle) / spread)[chosen].T
    return np.stack([x, y, cos[chosen], sin[chosen], straight[chosen], shares]).astype(np.float32)


def pieces(drawing: Float[Tensor, "c h w"]) -> int:
    """Count the connected pieces of ink (8-connectivity).

    Args:
        drawing: Image as for `stroke_points`, with the same errors.

    Example:
        >>> import torch
        >>> colon = torch.zeros(1, 96, 96)
        >>> colon[:, 20:30, 44:54] = colon[:, 70:80, 44:54] = 1
        >>> pieces(colon)
        2
    """
    _, count = label(_ink(drawing)[0], np.ones((3, 3)))
    return int(count)


def _ink(drawing: Tensor) -> tuple[Bool[np.ndarray, "h w"], int]:
    """Return the mask of ink, and the flat index of the brightest pixel."""
    flat = drawing.detach().float().mean(0)
    if not bool(flat.isfinite().all()):
        raise InputError("a drawing has values that are not finite; remove or repair it")
    if flat.shape != (SIDE, SIDE):
        flat = F.interpolate(flat[None, None], (SIDE, SIDE), mode="bicubic", antialias=True)[0, 0]
    pixels = flat.cpu().numpy()
    return pixels > (pixels.min() + pixels.max()) / 2, int(pixels.argmax())


def _middle_line(drawing: Tensor) -> Bool[np.ndarray, "h w"]:
    ink, brightest = _ink(drawing)
    line = _thinned(ink)
    if not line.any():  # an image without ink
        line.flat[brightest] = True
    return line


def _thinned(ink: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    sheet = np.pad(ink.astype(np.uint8), 1)
    thin(sheet)
    return sheet[1:-1, 1:-1].astype(bool)


def _directions(
    places: Float[np.ndarray, "n 2"], apart: Float[np.ndarray, "n n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return cos and sin of the major axis around each point, and the anisotropy of the variances (0 to 1)."""
    near = np.exp(-2 * apart / REACH**2) * (apart < REACH**2)
    near /= near.sum(1, keepdims=True)
    offsets = places[None] - (near @ places)[:, None]
    xx, yy, xy = (np.einsum("ij,ij->i", near, product) for product in _products(offsets))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    straight = np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-9)
    return np.cos(angle), np.sin(angle), straight


def _products(offsets: Float[np.ndarray, "n n 2"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = offsets[..., 0], offsets[..., 1]
    return x * x, y * y, x * y


def _spread(apart: Float[np.ndarray, "n n"], most: int) -> Int[np.ndarray, " k"]:
    """Choose at most `most` points by farthest-point sampling."""
    if len(apart) <= most:
        return np.arange(len(apart))
    chosen, nearest = [0], apart[0].copy()
    while len(chosen) < most:
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, apart[chosen[-1]], out=nearest)
    return np.array(chosen)
