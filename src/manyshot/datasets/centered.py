"""Center drawings and scale them to one size, since position and size seldom carry meaning in handwriting."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from manyshot.tasks import Source

OVERSAMPLING = 3
"""Factor by which drawings are loaded larger than needed, so that small ones are not blurred by enlarging."""
FRAME_STDS = 5.0
"""Side of the frame, in standard deviations of the ink along the longer axis; a ring fills 57 % of it."""


def center(images: UInt8[np.ndarray, "n c h w"], size: int) -> UInt8[np.ndarray, "n c size size"]:
    """Move the ink's center of mass to the middle of the image and scale its spread to one size.

    The frame is a square around the center of mass m, of side 5 max(s_x, s_y), where s_x and s_y are the standard
    deviations of the ink along the axes. Proportions, slant and rotation are kept, position and size are
    removed (normalization by moments: Casey 1970).

    Args:
        images: Ink 255 on a background of 0; larger than `size` if small drawings are to stay sharp.
        size: Height and width of the result in pixels.

    Returns:
        Centered images; an image without ink is only resized.

    Example:
        >>> corner = np.zeros((1, 1, 90, 90), dtype=np.uint8)
        >>> corner[..., 5:15, 5:15] = 255
        >>> middle = center(corner, 30)[0, 0]
        >>> bool(middle[15, 15] == 255), bool(middle[0, 0] == 0)
        (True, True)
    """
    return np.stack([_centered(image, size) for image in images]) if len(images) else images[..., :size, :size]


def center_source(source: Source, size: int) -> Source:
    """Center the drawings of a source.

    Args:
        source: Source of images of any size.
        size: Height and width of the result in pixels.

    Example:
        >>> from manyshot.datasets import load_dataset
        >>> center_source(load_dataset("digits", size=84), 28).store.shape
        torch.Size([1797, 1, 28, 28])
    """
    return replace(source, store=torch.from_numpy(center(np.asarray(source.store), size)))


def _centered(image: UInt8[np.ndarray, "c h w"], size: int) -> UInt8[np.ndarray, "c size size"]:
    ink = image.mean(0, dtype=np.float64)
    side, (left, top) = max(ink.shape), (0.0, 0.0)
    mass = ink.sum()
    if mass > 0:
        middles = [np.arange(length) + 0.5 for length in ink.shape]
        weights = [ink.sum(1) / mass, ink.sum(0) / mass]
        y, x = (float(weight @ middle) for weight, middle in zip(weights, middles, strict=True))
        variances = [
            float(weight @ (middle - at) ** 2) for weight, middle, at in zip(weights, middles, (y, x), strict=True)
        ]
        side = max(FRAME_STDS * max(variances) ** 0.5, 3.0)  # a dot does not fill the frame
        left, top = x - side / 2, y - side / 2
    # Pillow resizes what lies within the picture alone, so the paper is made large enough for the frame.
    margin = int(np.ceil(max(0.0, -left, -top, left + side - ink.shape[1], top + side - ink.shape[0])))
    wide = np.pad(image, ((0, 0), (margin, margin), (margin, margin)))
    box = (left + margin, top + margin, left + margin + side, top + margin + side)
    filter_ = Image.Resampling.HAMMING if side > size else Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(plane).resize((size, size), filter_, box=box)) for plane in wide])
