"""Sources of features: each item encoded once, and those of frozen pre-trained encoders kept on disk."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from manyshot.base import track, write_aside
from manyshot.datasets.packed import cache_folder
from manyshot.nets import PretrainedEncoder, TextEncoder, evaluation_mode
from manyshot.tasks import Source

BATCH = 256


def encode(encoder: nn.Module, source: Source, device: str = "cpu") -> Source:
    """A source of features: the same classes and items, each item encoded once.

    Features of a frozen pre-trained encoder are kept in the cache folder, under a name that follows from the encoder's
    weights, how it prepares images, and the items themselves. They are read from there the next time.

    Args:
        encoder: items `[n, ...]` (uint8 images as 0..1), or n sentences, to `[n, d]`; put into evaluation mode
            meanwhile.
        source: what to encode.
        device: where to compute.

    Example:
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels=["a", "a", "b", "b"])
        >>> encode(nn.Flatten(), source).store.shape
        torch.Size([4, 64])
    """
    if isinstance(encoder, PretrainedEncoder) and encoder.is_fixed:
        features = _stored(encoder, encoder, source, device)
    else:
        remember(encoder, source, device)
        features = _features(encoder, source, device)
    rows = np.arange(len(source))
    return replace(source, store=features, rows=rows, authors=source.authors_of_rows, decode=None)


def remember(encoder: nn.Module, source: Source, device: str = "cpu") -> None:
    """Let a frozen encoder of sentences know those of a source, from the cache folder or by reading each once.

    Any other encoder stays as it is. What is trained on top of the frozen one, and sentences that a plan makes, are no
    part of this.

    Args:
        encoder: see `encode`; so are source and device.
        source: see there.
        device: see there.

    Example:
        >>> from manyshot.nets import TextEncoder
        >>> from manyshot.nets.ngrams import NGrams
        >>> source = Source.of(["hello", "bye"], labels=["greet", "leave"])
        >>> remember(TextEncoder(NGrams(64)), source)
    """
    if isinstance(encoder, TextEncoder) and encoder.frozen and source.is_text:
        vectors = _stored(encoder, encoder.to(device).read, source, device)
        for first in range(0, len(source), BATCH):
            encoder.remember(_some(source, first), vectors[first : first + BATCH])


def _stored(
    encoder: PretrainedEncoder | TextEncoder, function: Callable[[Any], Tensor], source: Source, device: str
) -> Tensor:
    """What a fixed function makes of the items, from the cache folder if it is there."""
    path = cache_folder() / "features" / f"{_key(encoder, source)}.safetensors"
    features = _read(path, len(source))
    if features is None:
        features = _features(function, source, device, title="features")
        _write(path, features)
    return features


@torch.no_grad()
def _features(encoder: Callable[[Any], Tensor], source: Source, device: str, title: str | None = None) -> Tensor:
    features = []
    batches = range(0, len(source), BATCH)
    for first in batches if title is None else track(batches, title):
        items = _some(source, first)
        if isinstance(items, Tensor):
            items = (items.float() / 255 if items.dtype == torch.uint8 else items).to(device)
        with evaluation_mode(encoder):
            features.append(encoder(items).cpu())
    return torch.cat(features)


def _some(source: Source, first: int) -> Any:  # noqa: ANN401 - a tensor, or sentences
    """A batch of a source's items."""
    return source.gather(np.arange(first, min(first + BATCH, len(source))))


def _key(encoder: PretrainedEncoder | TextEncoder, source: Source) -> str:
    digest = hashlib.sha256(encoder.fingerprint().encode())
    for first in range(0, len(source), BATCH):
        items = _some(source, first)
        if not isinstance(items, Tensor):
            digest.update(json.dumps(items).encode())
            continue
        digest.update(f"{items.dtype} {tuple(items.shape)}".encode())
        digest.update(items.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, count: int) -> Tensor | None:
    """The features, or None if the file is missing or damaged."""
    try:
        features = load_file(path)["features"]
    except (OSError, SafetensorError, KeyError):
        return None
    return features if features.ndim >= 2 and len(features) == count else None


def _write(path: Path, features: Tensor) -> None:
    """Keep the features; a full or read-only disk is no reason to fail."""
    try:
        with write_aside(path) as aside:
            save_file({"features": features.contiguous()}, aside)
    except (OSError, SafetensorError):
        return
