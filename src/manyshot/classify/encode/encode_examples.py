"""Features of examples and of their variants under a plan, from frozen encoders, each computed once."""

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.augment import Op, Params, Plan
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.ops.op import join
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.base.sound import RATE
from manyshot.classify.encode.frozen_encoders import LoadedEncoder, encoder_blocks, load_encoder
from manyshot.classify.examples.example_set import CUBE, ENCODED_AS, ExampleSet, Kind
from manyshot.datasets.feature_store import FeatureStore, encode_stored
from manyshot.datasets.pixel_cache import FORMAT as DECODING

BATCH = 32
"""Examples, or variants, that are in memory as pictures at once; twice as many while the next ones are decoded."""
ITEMS_OF: Mapping[Kind, str] = {"pictures": "images", "sentences": "texts", "sounds": "sounds", "scans": "volumes"}
"""What ops take for each kind of examples."""
CHANGES = 1
"""Version of how variants are made; increased when the same plan and seed give other ones."""


def encode_examples(
    encoder: str,
    examples: ExampleSet,
    *,
    plan: str | None = None,
    copies: int = 1,
    seed: int = 0,
    device: str = "cpu",
    title: str | None = None,
) -> Float[Tensor, "n copies d"]:
    """Encode examples as they are, or variants of them under a plan.

    Pictures are decoded at the encoder's own resolution, and the ops of the plan are applied there. Variant j of an
    example depends on the seed, the example's content and j alone: neither on the other examples nor on the number of
    copies. Features are kept in the cache folder, so that each is computed once, whoever asks for it.

    Args:
        encoder: Name of a frozen encoder; several, joined by "+", stand side by side.
        examples: Pictures or sentences.
        plan: Ops on items, such as "flip crop"; None for the examples themselves.
        copies: Number of variants of each example; 1 if there is no plan.
        seed: Seed of the variants.
        device: Device to compute on.
        title: Description of the progress bar; None for none.

    Raises:
        InputError: If the encoder is unknown, not installed or for another kind of examples, the plan is wrong, or a
            picture is damaged.

    Example:
        >>> from manyshot.classify.examples.read_examples import examples_from_arrays
        >>> examples = examples_from_arrays(["hello there", "good bye"])
        >>> encode_examples("ngrams", examples, plan="typos", copies=3).shape
        torch.Size([2, 3, 2048])
    """
    if copies < 1 or (plan is None and copies > 1):
        raise InputError(f"copies={copies}: give at least 1, and a plan for more than 1")
    blocks = []
    for block in encoder_blocks(encoder):
        loaded = load_encoder(block)
        _check_kind(loaded, examples.kind)
        names = _names(examples, None if plan is None else copies)

        if not len(examples):
            blocks.append(torch.zeros(0, copies, loaded.features))
            continue

        def load(places: NDArray[np.int64], loaded: LoadedEncoder = loaded) -> Any:  # noqa: ANN401 - pictures or texts
            return _items(examples, places // copies, places % copies, plan, seed, loaded.resolution)

        def encode(items: Any, loaded: LoadedEncoder = loaded) -> Tensor:  # noqa: ANN401
            return loaded(items, device)

        key = _key(loaded, plan, seed)
        features = encode_stored(key, names, load, encode, batch=BATCH, title=title)
        blocks.append(features.view(len(examples), copies, -1))
    return torch.cat(blocks, -1)


def count_uncached(
    encoder: str, examples: ExampleSet, *, plan: str | None = None, copies: int = 1, seed: int = 0
) -> int:
    """How many features `encode_examples` would have to compute, over all blocks; the others are in the cache.

    Args:
        encoder: Name of a frozen encoder; several, joined by "+", stand side by side.
        examples: Pictures, sentences or recordings.
        plan: Ops that make the variants; None for the examples themselves.
        copies: Number of variants of each example.
        seed: Seed of the variants.
    """
    names = _names(examples, None if plan is None else copies)
    keys = [_key(load_encoder(block), plan, seed) for block in encoder_blocks(encoder)]
    return sum(FeatureStore(key).count_missing(names) for key in keys)


def estimate_seconds(encoder: str, examples: ExampleSet, uncached: int, copies: int = 1) -> float:
    """Seconds that `encode_examples` takes on this machine while it does nothing else.

    Args:
        encoder: Name of a frozen encoder; several, joined by "+", stand side by side.
        examples: Pictures, sentences or recordings.
        uncached: Number of features to compute, from `count_uncached`.
        copies: Number of variants of each example, which is decoded once.
    """
    if not uncached:
        return 0.0
    blocks = len(encoder_blocks(encoder))
    return uncached / blocks * (measure_cost(encoder, examples.kind) + blocks * _measure_decoding(examples) / copies)


@lru_cache(maxsize=1)
def _measure_decoding(examples: ExampleSet) -> float:
    """Seconds that a picture takes to decode, from a few of them; 0 for sentences."""
    if examples.kind == "sentences":
        return 0.0
    rows = np.linspace(0, len(examples) - 1, min(len(examples), 4)).astype(np.int64)
    start = time.process_time()
    if examples.kind == "sounds":
        examples.sounds(rows)
    elif examples.kind == "scans":
        examples.volumes(rows)
    else:
        examples.pictures(rows, 224)
    return (time.process_time() - start) / len(rows) / torch.get_num_threads()


@lru_cache(maxsize=64)
def measure_cost(encoder: str, kind: Kind) -> float:
    """Seconds that an example takes to encode on the CPU of this machine while it does nothing else.

    It is measured once per process, as the CPU time of a small batch divided by the number of threads; decoding a
    picture is not counted.

    Args:
        encoder: Name of a frozen encoder, or several joined by "+".
        kind: "pictures" or "sentences".

    Raises:
        InputError: If the encoder is unknown, not installed or for another kind of examples.

    Example:
        >>> measure_cost("ngrams", "sentences") < 0.1
        True
    """
    seconds = 0.0
    for block in encoder_blocks(encoder):
        loaded = load_encoder(block)
        _check_kind(loaded, kind)
        times = []
        for number in range(3):  # the first call is slower than the others
            items: Any = [f"sentence {number}, {word}, of a few words" for word in range(8)]
            if kind == "pictures":
                items = torch.zeros(8, 3, loaded.resolution, loaded.resolution, dtype=torch.uint8)
            elif kind == "scans":
                items = torch.zeros(1, 1, CUBE, CUBE, CUBE, dtype=torch.uint8)
            elif kind == "sounds":
                items = list(torch.zeros(8, 1, RATE, dtype=torch.int16))
            start = time.process_time()
            loaded(items)
            times.append(time.process_time() - start)
        seconds += min(times) / (1 if kind == "scans" else 8) / torch.get_num_threads()
    return seconds


def _check_kind(encoder: LoadedEncoder, kind: Kind) -> None:
    if encoder.kind != ENCODED_AS.get(kind, kind):
        raise InputError(f"encoder '{encoder.name}' takes {encoder.kind}, and the examples are {kind}; choose another")


def _key(encoder: LoadedEncoder, plan: str | None, seed: int) -> str:
    changes = "as they are" if plan is None else f"{CHANGES} {plan_op(plan)!r} {seed}"
    return f"examples {DECODING} {encoder.fingerprint} {changes}"


def _names(examples: ExampleSet, copies: int | None) -> list[str]:
    if copies is None:
        return list(examples.digests)
    return [f"{digest} {copy}" for digest in examples.digests for copy in range(copies)]


@lru_cache(maxsize=256)
def plan_op(plan: str) -> Op:
    """The op that makes a variant of an example.

    Args:
        plan: Ops on items, such as "flip crop", or a whole plan with a clause of shots or of the support.

    Raises:
        InputError: If it is no such plan.

    Example:
        >>> plan_op("flip") == plan_op("shots: 8 x flip")
        True
    """
    return Plan(plan if ":" in plan or plan == "none" else f"shots: {plan}").item_op()


def _items(
    examples: ExampleSet,
    rows: NDArray[np.int64],
    numbers: NDArray[np.int64],
    plan: str | None,
    seed: int,
    resolution: int,
) -> Any:  # noqa: ANN401 - pictures or texts
    """Variant `numbers` of the examples `rows`: pictures or volumes of uint8, or texts, or sounds."""
    different, place = np.unique(rows, return_inverse=True)
    if examples.kind == "pictures":
        items: Any = examples.pictures(different, resolution)[torch.from_numpy(place)]
    elif examples.kind == "scans":
        items = examples.volumes(different)[torch.from_numpy(place)]
    elif examples.kind == "sounds":
        sounds = examples.sounds(different)
        items = [sounds[i] for i in place.tolist()]
    else:
        texts = examples.texts(different)
        items = [texts[i] for i in place.tolist()]
    if plan is None:
        return items
    op = plan_op(plan)
    require_kind(op, ITEMS_OF[examples.kind])
    variants = zip(rows.tolist(), numbers.tolist(), strict=True)
    draws = [_draw(op, seed, examples.digests[row], number) for row, number in variants]
    if examples.kind == "sounds":  # of different lengths
        return [op.apply(sound[None], drawn)[0] for sound, drawn in zip(items, draws, strict=True)]
    params = join(draws)
    if examples.kind == "scans":
        changed = op.apply(items.float() / 255, params)
        return changed.clamp(0, 1).mul(255).round().to(torch.uint8)
    if examples.kind == "pictures":
        from manyshot.augment.engine import Compiled  # it takes half a second to import

        op = Compiled(op)
    op.check(items)
    return op.apply(items, params)


def _draw(op: Op, seed: int, digest: str, number: int) -> Params:
    """The params of one variant, by its address alone."""
    return op.sample(1, generator(seed, int(digest[:16], 16), number))
