"""Sources of features: each item encoded once, and those of frozen pre-trained encoders kept on disk."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from manyshot.base import track, write_aside
from manyshot.datasets.packed import cache_folder
from manyshot.nets import PretrainedEncoder
from manyshot.tasks import Source

BATCH = 256


def encode(encoder: nn.Module, source: Source, device: str = "cpu") -> Source:
    """A source of features: the same classes and items, each item encoded once.

    Features of a frozen pre-trained encoder are kept in the cache folder, under a name that follows from the encoder's
    weights, how it prepares images, and the items themselves. They are read from there the next time.

    Args:
        encoder: items `[n, ...]` (uint8 images as 0..1) to `[n, d]`; put into evaluation mode meanwhile.
        source: what to encode.
        device: where to compute.

    Example:
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels=["a", "a", "b", "b"])
        >>> encode(nn.Flatten(), source).store.shape
        torch.Size([4, 64])
    """
    if isinstance(encoder, PretrainedEncoder) and encoder.is_fixed:
        path = cache_folder() / "features" / f"{_key(encoder, source)}.safetensors"
        features = _read(path, len(source))
        if features is None:
            features = _features(encoder, source, device, title="features")
            _write(path, features)
    else:
        features = _features(encoder, source, device)
    rows = np.arange(len(source))
    return replace(source, store=features, rows=rows, authors=source.authors_of_rows, decode=None)


@torch.no_grad()
def _features(encoder: nn.Module, source: Source, device: str, title: str | None = None) -> Tensor:
    was_training = encoder.training
    encoder.eval()
    features = []
    batches = range(0, len(source), BATCH)
    for first in batches if title is None else track(batches, title):
        items = source.gather(np.arange(first, min(first + BATCH, len(source))))
        items = items.float() / 255 if items.dtype == torch.uint8 else items
        features.append(encoder(items.to(device)).cpu())
    encoder.train(was_training)
    return torch.cat(features)


def _key(encoder: PretrainedEncoder, source: Source) -> str:
    digest = hashlib.sha256(encoder.fingerprint().encode())
    for first in range(0, len(source), BATCH):
        items = source.gather(np.arange(first, min(first + BATCH, len(source))))
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
