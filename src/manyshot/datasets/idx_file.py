"""Read the file format of MNIST: a header with the shape of an array, and its bytes (LeCun et al. 1998)."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from manyshot.base import InputError, open_file

MAX_BYTES = 1 << 30
"""Largest number of bytes of an array; MNIST has 47 million."""


def read_idx(path: Path, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """Read an array of bytes from an IDX file, gzipped (`.gz`) or not.

    The header is checked before memory is allocated.

    Args:
        path: Path of the file.
        dimensions: Expected number of dimensions.

    Raises:
        InputError: If the file is not such an IDX file, states more than `MAX_BYTES`, is truncated or is too long.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
        >>> read_idx(path, dimensions=1)
        array([7, 8, 9], dtype=uint8)
    """
    try:
        with open_file(path) as file, gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file as stream:
            header = stream.read(4 + 4 * dimensions)
            if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, 8, dimensions]):
                raise InputError(f"{path}: not an IDX file of bytes with {dimensions} dimensions; fetch it again")
            shape = struct.unpack(f">{dimensions}I", header[4:])
            length = int(np.prod(shape, dtype=object))
            if length > MAX_BYTES:
                raise InputError(f"{path}: states {length:,} bytes, at most {MAX_BYTES:,} are read; fetch it again")
            data = stream.read(length)
            if len(data) < length or stream.read(1):
                end = f"ends after {len(data):,} of" if len(data) < length else "continues after"
                raise InputError(f"{path}: {end} the {length:,} bytes that it states; fetch it again")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged or truncated ({error}); fetch it again") from None
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)
