"""Gray pictures of 12, 16 or 32 bits, with a sign or of floats, as pictures of 8 bits through a window."""

import io
from dataclasses import replace

import numpy as np
from jaxtyping import Shaped
from PIL import Image, ImageOps

from manyshot.base import InputError
from manyshot.datasets.folder_or_zip import PathParts, Tree
from manyshot.datasets.pictures import GRAY_MODES, opened
from manyshot.datasets.window import Window, parse_window

FAST = 1
"""Compression of PNGs that are read again at once."""


def through_window(data: bytes, where: str, window: Window) -> bytes:
    """A gray picture as a PNG of 8 bits: what the window makes 0 is black, what it makes 1 white.

    Values lose nothing before the window: whole numbers keep their sign, and floats, which other readers refuse since
    no file says what is white, are taken as they are.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.
        window: The window.

    Raises:
        InputError: If it is no picture, is damaged, has colors, or the window does not fit its values.

    Example:
        >>> file = io.BytesIO()
        >>> Image.fromarray(np.array([[-1000.0, 40.0, 240.0]], np.float32)).save(file, "TIFF")
        >>> png = through_window(file.getvalue(), "scan.tif", parse_window("abdomen"))
        >>> np.asarray(Image.open(io.BytesIO(png))).tolist()
        [[0, 128, 255]]
    """
    with opened(data, where) as image:
        if image.mode not in (*GRAY_MODES, "F"):
            raise InputError(f"{where}: has colors, and a window is for gray values; leave the window out")
        values = window.apply(_values(ImageOps.exif_transpose(image)), where)
    file = io.BytesIO()
    Image.fromarray(np.rint(values * 255).astype(np.uint8)).save(file, "PNG", compress_level=FAST)
    return file.getvalue()


def windowed_tree(tree: Tree, window: str | None) -> Tree:
    """The same files, whose pictures are read through a window.

    Args:
        tree: Folder or zip.
        window: The window, see `parse_window`; None for the files as they are.

    Raises:
        InputError: If there is no such window.
    """
    if window is None:
        return tree
    chosen = parse_window(window)

    def read(parts: PathParts) -> bytes:
        return through_window(tree.read(parts), tree.describe(parts), chosen)

    return replace(tree, read=read)


def _values(image: Image.Image) -> Shaped[np.ndarray, "h w"]:
    """The values, in the smallest type that they are stored in, by which `full` is measured."""
    if image.mode in ("LA", "La"):
        image = image.convert("L")
    values = np.asarray(image)
    if image.mode == "1":
        return values.astype(np.uint8) * 255
    if values.dtype.kind != "i":
        return values
    # Pillow widens whole numbers of 16 bits.
    low, high = int(values.min()), int(values.max())
    fitting = (kind for kind in (np.uint16, np.int16) if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return values.astype(next(fitting, np.int32))
