"""Duplicate and near-duplicate pictures (resaved or resized), found by a perceptual hash."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt64
from PIL import Image

SIDE = 32
LOW = 8
"""Number of low frequencies along each axis that the hash is made of."""
NEAR = 2
"""Largest number of different bits of 64 of two pictures that count as one."""
FLAT = 2.0
"""Standard deviation of the gray levels below which a picture shows too little to be compared."""


class DuplicatePictures(NamedTuple):
    """Two pictures that look the same.

    Args:
        first: Index of one.
        second: Index of the other.
        equal: Whether their pixels are the same; otherwise they only look alike.
    """

    first: int
    second: int
    equal: bool


def fingerprint(pixels: UInt8[np.ndarray, "c h w"]) -> tuple[int, int] | None:
    """Return the hash of a picture's pixels, and its perceptual hash of 64 bits.

    The perceptual hash says for each of the 64 lowest frequencies of the cosine transform of the picture at 32 x 32
    pixels, but the constant one, whether it is above their median (Zauner 2010).

    Args:
        pixels: The picture, gray or in color.

    Returns:
        Both hashes; None for a picture of nearly one gray level.
    """
    gray = pixels.mean(0)
    if gray.std() < FLAT:
        return None
    small = Image.fromarray(gray.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.HAMMING)
    basis = np.cos(np.pi / SIDE * (np.arange(SIDE) + 0.5) * np.arange(LOW + 1)[:, None])
    frequencies = (basis @ np.asarray(small, np.float64) @ basis.T)[:LOW, :LOW].ravel()
    bits = frequencies > np.median(frequencies[1:])
    exact = int.from_bytes(hashlib.blake2b(pixels.tobytes(), digest_size=8).digest(), "big")
    return exact, int.from_bytes(np.packbits(bits).tobytes(), "big")


def find_duplicate_pictures(fingerprints: Sequence[tuple[int, int] | None]) -> list[DuplicatePictures]:
    """Find pairs of pictures that look the same: each picture with the first one that it is like.

    Args:
        fingerprints: Hashes of each picture, see `fingerprint`.

    Example:
        >>> find_duplicate_pictures([(1, 0b1111), None, (2, 0b1110), (1, 0b1111)])
        [DuplicatePictures(first=0, second=2, equal=False), DuplicatePictures(first=0, second=3, equal=True)]
    """
    known = [(index, *both) for index, both in enumerate(fingerprints) if both is not None]
    if not known:
        return []
    indices = np.array([index for index, _, _ in known])
    exact = np.array([one for _, one, _ in known], dtype=np.uint64)
    looks: UInt64[np.ndarray, "n"] = np.array([look for _, _, look in known], dtype=np.uint64)
    duplicates = []
    for place in range(1, len(known)):
        different = np.unpackbits((looks[:place] ^ looks[place]).view(np.uint8)).reshape(place, 64).sum(1)
        same = np.flatnonzero(exact[:place] == exact[place])
        near = same if len(same) else np.flatnonzero(different <= NEAR)
        if len(near):
            duplicates.append(DuplicatePictures(int(indices[near[0]]), int(indices[place]), bool(len(same))))
    return duplicates
