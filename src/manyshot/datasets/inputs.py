"""Batches of examples as users hold them: arrays, tensors, files, pictures and sentences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from manyshot.base import InputError, read_bytes
from manyshot.datasets.folder_or_zip import MAX_FILE_BYTES
from manyshot.datasets.pictures import decode, read_header, to_pixels

CHANNELS = (1, 3, 4)
"""Sizes of a last axis that hold the channels of an image."""


def kind_of_input(X: Any) -> str:  # noqa: ANN401 - what users give, called as scikit-learn calls it
    """Tell what a batch holds: "images" (arrays), "pictures" (of PIL), "text" (sentences or paths) or "vectors".

    Example:
        >>> kind_of_input(np.zeros((5, 28, 28))), kind_of_input(["play a song"]), kind_of_input([[1.0, 2.0]])
        ('images', 'text', 'vectors')
    """
    if isinstance(X, np.ndarray | Tensor) and X.ndim in (3, 4):
        return "images"
    if getattr(X, "ndim", 1) != 1 or not hasattr(X, "__getitem__") or not len(X):
        return "vectors"
    first = next(iter(X))
    if isinstance(first, str | Path):
        return "text"
    if isinstance(first, Image.Image):
        return "pictures"
    return "images" if isinstance(first, np.ndarray | Tensor) and first.ndim in (2, 3) else "vectors"


def to_images(X: NDArray[Any] | Tensor | Sequence[Any]) -> Tensor:
    """Convert arrays of images to a tensor.

    Args:
        X: Arrays `[n, h, w]` or `[n, h, w, c]`, or tensors `[n, h, w]` or `[n, c, h, w]`; uint8, or floats from 0 to 1.

    Returns:
        Images `[n, c, h, w]`, uint8 or float32.

    Raises:
        InputError: If an image has values out of range, or images differ in shape.

    Example:
        >>> to_images(np.zeros((5, 28, 28, 3), dtype=np.uint8)).shape
        torch.Size([5, 3, 28, 28])
    """
    if not isinstance(X, np.ndarray | Tensor):
        if len({tuple(image.shape) for image in X}) > 1:
            raise InputError("images differ in shape; resize them, or give paths of files, which are resized")
        X = torch.stack(list(X)) if isinstance(X[0], Tensor) else np.stack(list(X))
    if isinstance(X, Tensor):
        images = X
    else:
        images = torch.from_numpy(np.ascontiguousarray(X))
        if X.ndim == 4:
            if X.shape[-1] not in CHANNELS:
                raise InputError(
                    f"images of shape {list(X.shape)}: give arrays [n, h, w, c] of {' or '.join(map(str, CHANNELS))} "
                    "channels, or tensors [n, c, h, w]"
                )
            images = images.permute(0, 3, 1, 2).contiguous()
    images = images[:, None] if images.ndim == 3 else images
    if images.dtype == torch.uint8:
        return images
    images = images.float()
    low, high = (images.min().item(), images.max().item()) if images.numel() else (0.0, 0.0)
    if not (low >= 0 and high <= 1):
        raise InputError(f"images of values from {low:g} to {high:g}: scale them to 0 to 1, or give uint8")
    return images


def from_images(images: Tensor, like: NDArray[Any] | Tensor) -> NDArray[Any] | Tensor:
    """Undo `to_images`: images `[n, c, h, w]` in the layout and type of an array or tensor.

    Example:
        >>> from_images(torch.zeros(2, 3, 8, 8), np.zeros((5, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """
    images = images[:, 0] if like.ndim == 3 else images
    if isinstance(like, Tensor):
        return images.to(like.dtype)
    array = images.permute(0, 2, 3, 1) if like.ndim == 4 else images
    return array.numpy().astype(like.dtype)


def read_pictures(pictures: Sequence[Any], size: tuple[int, int] | None = None, color: bool | None = None) -> Tensor:
    """Decode pictures and bring them to one size.

    Args:
        pictures: Paths of files, or PIL images.
        size: Height and width in pixels; those of the first picture if None.
        color: Whether images have three channels (True) or one (False); three if any picture has colors, if None.

    Returns:
        Images `[n, c, h, w]` of uint8.

    Raises:
        InputError: If a file is missing or broken.
    """
    loaded = [
        picture if isinstance(picture, Image.Image) else read_bytes(Path(picture), MAX_FILE_BYTES)
        for picture in pictures
    ]
    if size is None:
        first = loaded[0]
        if isinstance(first, Image.Image):
            size = first.height, first.width
        else:
            header = read_header(first, str(pictures[0]))
            size = header.height, header.width
    if color is None:
        color = any(
            p.mode not in ("1", "L", "I", "I;16") if isinstance(p, Image.Image) else read_header(p, str(w)).color
            for p, w in zip(loaded, pictures, strict=True)
        )
    arrays = [
        to_pixels(p, f"picture {index}", size, color) if isinstance(p, Image.Image) else decode(p, str(w), size, color)
        for index, (p, w) in enumerate(zip(loaded, pictures, strict=True))
    ]
    return torch.from_numpy(np.stack(arrays))
