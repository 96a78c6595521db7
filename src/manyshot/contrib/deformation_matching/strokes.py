"""Drawings as points along their strokes: where the strokes run, and in which direction."""

import math

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label
from torch import Tensor
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.contrib.deformation_matching.thinning_kernels import thin

SIDE = 96
"""Drawings are brought to this many pixels, in which lengths below are told."""
MOST = 96
"""Points a drawing at most."""
REACH = 4.0
"""How far a stroke's direction is felt for, in pixels."""


def stroke_points(drawing: Float[Tensor, "c h w"]) -> Float[np.ndarray, "6 n"]:
    """The middle line of a drawing's strokes as at most 96 points, evenly spread.

    Ink is what is brighter than halfway between the drawing's darkest and brightest pixel. It is thinned to lines of
    one pixel; a point's direction is the longer axis of the line around it.

    Args:
        drawing: light ink on dark paper; from about 64 pixels up, since little of a smaller one's crossings is left.

    Returns:
        A row each of x, y, cos and sin of the direction, how straight the line is there (0 to 1), and the share of the
        line that the point stands for. Centred, of unit standard deviation (the mean over both axes).

    Raises:
        InputError: if a value is not a number.

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
    chosen = _spread(apart, MOST)
    shares = np.bincount(apart[:, chosen].argmin(1), minlength=len(chosen)) / len(places)
    smooth = np.exp(-apart / 2)
    smooth = smooth @ places / smooth.sum(1, keepdims=True)
    middle = places.mean(0)
    spread = max(math.sqrt(np.square(places - middle).sum(1).mean() / 2), 1.5)  # a dot is no drawing of a pixel's size
    x, y = ((smooth - middle) / spread)[chosen].T
    return np.stack([x, y, cos[chosen], sin[chosen], straight[chosen], shares]).astype(np.float32)


def pieces(drawing: Float[Tensor, "c h w"]) -> int:
    """How many pieces a drawing's ink has; what touches at a corner is one.

    Args:
        drawing: see `stroke_points`, which says what ink is; so are the errors.

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
    """Where ink is, and the place of the brightest pixel among all."""
    flat = drawing.detach().float().mean(0)
    if not bool(flat.isfinite().all()):
        raise InputError("a drawing has values that are not numbers; mend the items")
    if flat.shape != (SIDE, SIDE):
        flat = F.interpolate(flat[None, None], (SIDE, SIDE), mode="bicubic", antialias=True)[0, 0]
    pixels = flat.cpu().numpy()
    return pixels > (pixels.min() + pixels.max()) / 2, int(pixels.argmax())


def _middle_line(drawing: Tensor) -> Bool[np.ndarray, "h w"]:
    ink, brightest = _ink(drawing)
    line = _thinned(ink)
    if not line.any():  # a sheet without ink
        line.flat[brightest] = True
    return line


def _thinned(ink: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    sheet = np.pad(ink.astype(np.uint8), 1)
    thin(sheet)
    return sheet[1:-1, 1:-1].astype(bool)


def _directions(
    places: Float[np.ndarray, "n 2"], apart: Float[np.ndarray, "n n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Cos and sin of the longer axis of the points around each, and 1 - (shorter / longer), of variances summed."""
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
    """So many points, each as far from those before it as can be."""
    if len(apart) <= most:
        return np.arange(len(apart))
    chosen, nearest = [0], apart[0].copy()
    while len(chosen) < most:
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, apart[chosen[-1]], out=nearest)
    return np.array(chosen)
