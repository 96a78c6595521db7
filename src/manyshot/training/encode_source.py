"""Sources of features: each example is encoded once, and features of frozen pre-trained encoders are cached on disk."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.datasets.feature_store import digest_of, encode_stored
from manyshot.learners import FeatureLearner, Learner
from manyshot.nets import PartsEncoder, PretrainedEncoder, SoundEncoder, TextEncoder, evaluation_mode
from manyshot.nets.parts_encoder import as_colors
from manyshot.tasks import EpisodeSampler, Parts, Source
from manyshot.tasks.items import floats

BATCH = 256


def encode(encoder: nn.Module, source: Source, device: str = "cpu") -> Source:
    """The source of the features of another source's examples, each encoded once.

    Features of a frozen pre-trained encoder are stored in the cache folder, by the encoder's weights, its image
    preprocessing and the example, and read from there the next time.

    Args:
        encoder: Module that maps examples `[n, ...]` (uint8 images scaled to 0..1), or n sentences, to features
            `[n, d]`; put into evaluation mode while it computes.
        source: Source of the examples.
        device: Device to compute on.

    Example:
        >>> source = Source.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels=["a", "a", "b", "b"])
        >>> encode(nn.Flatten(), source).store.shape
        torch.Size([4, 64])
    """
    features: Tensor | Parts
    if isinstance(source.store, Parts):
        features = _encoded_parts(encoder, source, source.store, device)
    elif isinstance(encoder, PretrainedEncoder | SoundEncoder) and encoder.is_fixed:
        features = _stored(encoder, encoder.folded(), source, device)
    else:
        remember(encoder, source, device)
        features = _features(encoder, source, device)
    rows = np.arange(len(source))
    return replace(source, store=features, rows=rows, authors=source.authors_of_rows, decode=None)


def _encoded_parts(encoder: nn.Module, source: Source, store: Parts, device: str) -> Parts:
    """Features of each part of the examples of a source, those of missing parts zeros; each is stored as any other."""
    if not isinstance(encoder, PartsEncoder):
        raise InputError(f"{source.name}: its examples have several parts; take the encoder 'parts'")
    own = store[source.rows]
    for name, kind in own.kinds.items():
        rows = own.there[name].nonzero().flatten()
        if kind == "features":
            continue
        if not len(rows):
            own = own.replaced(name, torch.zeros(len(own), 1))
            continue
        items = own.only([name])[rows][name]
        if kind == "images":
            items = as_colors(items)
        alone = Source.of(items, [0] * len(rows), name=f"{source.name}: {name}")
        encoded = encode(encoder.encoder_of(kind), alone, device).store
        assert isinstance(encoded, Tensor)
        features = torch.zeros(len(own), encoded.shape[1])
        features[rows] = encoded
        own = own.replaced(name, features)
    return own


def remember(module: nn.Module, source: Source, device: str = "cpu") -> None:
    """Let the frozen sentence encoders of a module know the sentences of a source, each read once or from the cache.

    Other encoders stay as they are, as do layers that are trained on top of a frozen one.

    Args:
        module: Encoder or learner.
        source: Source whose sentences will be encoded; any other source is ignored.
        device: Device to compute on; a frozen sentence encoder is moved to it.

    Example:
        >>> from manyshot.nets import TextEncoder
        >>> from manyshot.nets.ngrams import NGrams
        >>> source = Source.of(["hello", "bye"], labels=["greet", "leave"])
        >>> remember(TextEncoder(NGrams(64)), source)
    """
    for encoder in module.modules() if source.is_text else ():
        if isinstance(encoder, TextEncoder) and encoder.frozen:
            vectors = _stored(encoder, encoder.to(device).read, source, device)
            for first in range(0, len(source), BATCH):
                encoder.remember(_batch(source, first), vectors[first : first + BATCH])


def on_fixed_features(
    learner: Learner, tasks: EpisodeSampler, validation: EpisodeSampler | None, device: str = "cpu"
) -> tuple[Learner, EpisodeSampler, EpisodeSampler | None]:
    """A learner and its tasks on features, each example encoded once, if a frozen encoder gives fixed features.

    Args:
        learner: Learner of the examples. The learner of features has the same weights.
        tasks: Training tasks.
        validation: Validation tasks, if there are any.
        device: Device to encode on.

    Returns:
        The learner of features and both samplers of features, or the arguments if the encoder is trained.

    Example:
        >>> from manyshot.learners import Ridge
        >>> source = Source.of(torch.rand(8, 1, 8, 8), labels=["a", "b"] * 4)
        >>> learner = Ridge(nn.Flatten())
        >>> on_fixed_features(learner, EpisodeSampler(source, ways=2, queries=1), None)[0] is learner
        True
    """
    parts = learner.on_features() if isinstance(learner, FeatureLearner) else None
    frozen = PretrainedEncoder | SoundEncoder | TextEncoder | PartsEncoder
    if parts is None or not (isinstance(parts[0], frozen) and parts[0].is_fixed):
        return learner, tasks, validation
    encoder, head = parts
    encoder.to(device)
    tasks = replace(tasks, source=encode(encoder, tasks.source, device))
    if validation is not None:
        validation = replace(validation, source=encode(encoder, validation.source, device))
    return head, tasks, validation


def _stored(
    encoder: PretrainedEncoder | SoundEncoder | TextEncoder,
    function: Callable[[Any], Tensor],
    source: Source,
    device: str,
) -> Tensor:
    """The values of a fixed function of the examples; those that are in the cache folder are read from there."""
    names = [name for first in range(0, len(source), BATCH) for name in _names(_batch(source, first))]
    return encode_stored(
        f"items {encoder.fingerprint()}",
        names,
        source.gather,
        lambda items: _encoded(function, items, device),
        batch=BATCH,
        title="features",
    )


def _features(encoder: Callable[[Any], Tensor], source: Source, device: str) -> Tensor:
    return torch.cat([_encoded(encoder, _batch(source, first), device) for first in range(0, len(source), BATCH)])


@torch.no_grad()
def _encoded(encoder: Callable[[Any], Tensor], items: Any, device: str) -> Tensor:  # noqa: ANN401 - see `_batch`
    if isinstance(items, Tensor):
        items = floats(items).to(device)
    with evaluation_mode(encoder):
        return encoder(items).cpu()


def _batch(source: Source, first: int) -> Any:  # noqa: ANN401 - a tensor, or sentences
    """The batch of a source's examples that starts at `first`."""
    return source.gather(np.arange(first, min(first + BATCH, len(source))))


def _names(items: Any) -> list[str]:  # noqa: ANN401 - see `_batch`
    """The hash of each item's content."""
    return [digest_of(item.contiguous().numpy() if isinstance(item, Tensor) else item) for item in items]
