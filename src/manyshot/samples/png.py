"""PNG as fast as it can be written."""

import struct
import zlib

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB = 0, 2
"""Kinds of colors, by the numbers of the standard."""
ABOVE = 2
"""The filter that stores the difference to the pixel above."""


def encode_png(image: UInt8[Tensor, "c h w"]) -> bytes:
    """Encode a gray or an RGB image as PNG (ISO 15948), without loss.

    Pillow tries all five filters on every row, which takes half of the time of writing a picture. Here all rows have
    the same one, and zlib looks for runs alone, as OpenCV does by default: two to three times as fast as Pillow at its
    lowest level, for files of about the same size.

    Args:
        image: One or three channels.

    Example:
        >>> import io, torch
        >>> from PIL import Image
        >>> Image.open(io.BytesIO(encode_png(torch.full((1, 2, 3), 7, dtype=torch.uint8)))).getpixel((2, 1))
        7
    """
    channels, height, width = image.shape
    planes = image.numpy()
    changes = planes.copy()
    np.subtract(planes[:, 1:], planes[:, :-1], out=changes[:, 1:])
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = ABOVE
    for channel, plane in enumerate(changes):  # faster than turning the axes of all at once
        rows[:, 1 + channel :: channels] = plane
    packer = zlib.compressobj(level=1, memLevel=9, strategy=zlib.Z_RLE)
    header = struct.pack(">IIBBBBB", width, height, 8, RGB if channels == 3 else GRAY, 0, 0, 0)
    data = packer.compress(rows.data) + packer.flush()
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
