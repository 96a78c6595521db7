"""Exact and near duplicates among examples."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from manyshot.classify.examples.example_set import ExampleSet

SIDE = 32
"""Height and width of the pictures that are compared, in pixels."""
FREQUENCIES = 8
"""Number of frequencies of each axis in the hash of a picture."""
MAX_BITS = 10
"""Largest number of the 63 bits of the hash in which near duplicates differ."""
MIN_CORRELATION = 0.97
"""Smallest correlation of the pixels of near duplicates. No two different pictures of MedNIST, chest X-rays, CIFAR-FS,
HAM10000 and Omniglot reach both limits; copies that were compressed, resized or brightened mostly do."""
LUMINANCE = np.array([0.299, 0.587, 0.114])
CHUNK = 1024
"""Number of pictures that are compared with all others at once."""


@dataclass(frozen=True)
class DuplicateExamples:
    """An example that is a copy of an earlier one.

    Args:
        first: Index of the earlier example.
        second: Index of its copy.
        kind: "exact" if both have the same bytes or the same text; "near" if they are the same but for compression,
            size or brightness, or for upper case, spaces and punctuation.
        across_classes: Whether the two have different labels, so that at least one is wrong or ambiguous.
    """

    first: int
    second: int
    kind: Literal["exact", "near"]
    across_classes: bool

    def as_dict(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The pair for JSON.

        Args:
            names: Names of the examples.
        """
        pair = [names[self.first], names[self.second]]
        return {"examples": pair, "kind": self.kind, "across_classes": self.across_classes}


def find_duplicate_examples(examples: ExampleSet) -> list[DuplicateExamples]:
    """Find examples that are copies of earlier ones.

    Near duplicates among pictures are found by a perceptual hash (pHash: which of the 63 lowest frequencies of the
    discrete cosine transform are above their median; Zauner 2010) and confirmed by the correlation of the pixels at
    32 x 32. Near duplicates among sentences are equal but for upper case, spaces and punctuation; among scans, copies
    are exact. Each copy is listed once: beside the earliest original of another class if there is one, else beside the
    earliest original.

    Args:
        examples: Labeled or unlabeled examples.

    Returns:
        The pairs: those across classes first, then in the order of the copies.

    Example:
        >>> from manyshot.classify.examples.read_examples import examples_from_arrays
        >>> examples = examples_from_arrays(["Hello!", "hello", "bye", "bye"], ["greet", "greet", "leave", "greet"])
        >>> [(pair.first, pair.second, pair.kind, pair.across_classes) for pair in find_duplicate_examples(examples)]
        [(2, 3, 'exact', True), (0, 1, 'near', False)]
    """
    labels = examples.labels
    originals: dict[int, dict[int, Literal["exact", "near"]]] = defaultdict(dict)
    for kind, pairs in (("near", _near_pairs(examples)), ("exact", _equal_pairs(list(examples.digests), labels))):
        for first, second in pairs:
            originals[second][first] = "exact" if kind == "exact" else "near"
    found = []
    for second, kinds in sorted(originals.items()):
        first = min(kinds, key=lambda one: (labels[one] == labels[second], kinds[one] == "near", one))
        across = bool(labels[first] != labels[second] and labels[first] >= 0 <= labels[second])
        found.append(DuplicateExamples(first, second, kinds[first], across))
    return sorted(found, key=lambda pair: not pair.across_classes)


def _equal_pairs(keys: list[str], labels: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Each example with the earliest example of each label that has an equal key."""
    seen: dict[str, dict[int, int]] = defaultdict(dict)
    for index, (key, label) in enumerate(zip(keys, labels.tolist(), strict=True)):
        for first in seen[key].values():
            yield first, index
        seen[key].setdefault(label, index)


def _near_pairs(examples: ExampleSet) -> Iterator[tuple[int, int]]:
    if examples.kind == "sentences":
        words = [re.sub(r"[\W_]+", " ", text).strip().casefold() for text in examples.texts(np.arange(len(examples)))]
        # Sentences of punctuation alone are no duplicates of each other.
        yield from _equal_pairs([word or f"\0{index}" for index, word in enumerate(words)], examples.labels)
        return
    if examples.kind == "scans":  # the same plane of two bodies is alike
        return
    bits, pixels = _fingerprints(examples)
    for start in range(0, len(bits), CHUNK):
        rows = slice(start, start + CHUNK)
        differing = (bits.shape[1] - bits[rows] @ bits.T) / 2
        second, first = np.nonzero(differing <= MAX_BITS)
        second += start
        earlier = first < second
        first, second = first[earlier], second[earlier]
        alike = np.einsum("ij,ij->i", pixels[first], pixels[second]) >= MIN_CORRELATION
        yield from zip(first[alike].tolist(), second[alike].tolist(), strict=True)


def _fingerprints(examples: ExampleSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The hash `[n, 63]` of each picture, -1 or 1, and its gray pixels `[n, 1024]`, centered, of length 1."""
    bits, pixels = [], []
    for start in range(0, len(examples), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(examples)))
        gray = np.einsum("nchw,c->nhw", examples.pictures(rows, SIDE).numpy(), LUMINANCE)
        lowest = dctn(gray, axes=(1, 2), norm="ortho")[:, :FREQUENCIES, :FREQUENCIES].reshape(len(rows), -1)[:, 1:]
        bits.append(np.where(lowest > np.median(lowest, axis=1, keepdims=True), 1, -1).astype(np.float32))
        flat = (gray - gray.mean((1, 2), keepdims=True)).reshape(len(rows), -1)
        pixels.append((flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)).astype(np.float32))
    return np.concatenate(bits), np.concatenate(pixels)
