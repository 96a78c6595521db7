"""Features of variants of examples of several parts: every op changes the part of its kind, joint ops several."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.augment import Op
from manyshot.augment.ops.variants import apply_in_tasks
from manyshot.base import track
from manyshot.base.seeds import generator
from manyshot.base.sound import RATE
from manyshot.classify.choose.candidates import check_plan
from manyshot.classify.encode.encode_examples import plan_op
from manyshot.classify.encode.frozen_encoders import encoder_blocks, load_encoder
from manyshot.classify.examples.example_set import ExampleSet, SoundFile
from manyshot.classify.multipart.part_encoding import encode_parted
from manyshot.classify.multipart.parted_examples import FEATURES, KINDS, PartedExamples
from manyshot.datasets.feature_store import digest_of
from manyshot.datasets.sound_files import encode_wav
from manyshot.tasks import Parts

AT_ONCE = 32
"""Examples whose variants are in memory at once."""


def check_parts_plan(examples: PartedExamples, encoders: Mapping[str, str], plan: str) -> str:
    """Check a plan on the first example, before anything slow begins, and bring it into its usual form.

    Args:
        examples: Examples.
        encoders: Encoder of each part that has one.
        plan: Ops such as "flip eda mirror".

    Raises:
        InputError: If it is no plan, mixes examples, or has an op for which there is no part, or two.
    """
    plan = check_plan(plan)
    _vary(_read(examples, encoders, 0), plan_op(plan), 0, "0", 0)
    return plan


def encode_variants(
    examples: PartedExamples,
    encoders: Mapping[str, str],
    plan: str,
    copies: int,
    seed: int = 0,
    means: NDArray[np.float64] | None = None,
    device: str = "cpu",
) -> Parts:
    """Features `[n * copies]` of variants of n examples, those of an example side by side.

    Variant j of an example depends on the seed, its content and j alone. Features are kept in the cache by the content
    of what was encoded, so that parts that a variant leaves as they are are encoded once.

    Args:
        examples: Examples.
        encoders: Encoder of each part that has one.
        plan: Ops.
        copies: Variants of each example.
        seed: Seed of the variants.
        means: Means of the columns of numbers, see `encode_parted`.
        device: Device to encode on.

    Raises:
        InputError: As `check_parts_plan`, or if a file is damaged.
    """
    op, chunks = plan_op(plan), []
    for first in track(range(0, len(examples), AT_ONCE), f"variants: {plan}"):
        few = examples.select(np.arange(first, min(first + AT_ONCE, len(examples))))
        varied = []
        for row in range(len(few)):
            example, digest = _read(few, encoders, row), _digest(few, row)
            varied += [_vary(example, op, seed, digest, copy) for copy in range(copies)]
        chunks.append(encode_parted(_as_examples(few, varied), encoders, means, device))
    return chunks[0].combined(chunks[1:], torch.cat)


def _read(examples: PartedExamples, encoders: Mapping[str, str], row: int) -> Parts:
    """One example, decoded at the resolution of its encoders, with placeholders for what it lacks."""
    values: dict[str, Any] = {}
    there = {name: torch.from_numpy(examples.there(name)[[row]]) for name in examples.kinds}
    for name, kind in examples.kinds.items():
        if kind == FEATURES:
            assert examples.numbers is not None
            values[name] = torch.from_numpy(examples.numbers[[row]])
            continue
        place, own = np.flatnonzero(examples.rows[name] == row), examples.sets[name]
        if kind == "texts":
            values[name] = own.texts(place) or [""]
        elif kind == "sounds":
            values[name] = own.sounds(place)[0][None] if len(place) else torch.zeros(1, 1, 1, dtype=torch.int16)
        else:
            size = max(load_encoder(block).resolution for block in encoder_blocks(encoders[name]))
            values[name] = own.pictures(place, size) if len(place) else torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    return Parts(values, there)


def _digest(examples: PartedExamples, row: int) -> str:
    """What names an example: the content of all its parts."""
    digest = hashlib.blake2b(digest_size=16)
    for name in examples.kinds:
        digest.update(name.encode())
        if name in examples.rows:
            place = np.flatnonzero(examples.rows[name] == row)
            digest.update("".join(examples.sets[name].digests[i] for i in place.tolist()).encode())
        elif examples.numbers is not None:
            digest.update(examples.numbers[row].tobytes())
    return digest.hexdigest()


def _vary(example: Parts, op: Op, seed: int, digest: str, number: int) -> Parts:
    params = op.sample(1, generator(seed, int(digest[:16], 16), number))
    in_a_task = example.both(lambda value: value[None] if isinstance(value, Tensor) else [value])
    varied: Parts = apply_in_tasks(op, in_a_task, params, floats=False)
    return varied.both(lambda value: value[0])


def _as_examples(like: PartedExamples, varied: list[Parts]) -> PartedExamples:
    """Variants as examples without labels."""
    sets, rows, numbers = {}, {}, None
    names = tuple(f"variant {number}" for number in range(len(varied)))
    for name, kind in like.kinds.items():
        there = np.array([bool(one.there[name][0]) for one in varied])
        if kind == FEATURES:
            numbers = np.stack([one[name][0].double().numpy() for one in varied])
            numbers[~there] = np.nan
            continue
        rows[name] = np.flatnonzero(there)
        items, digests = [], []
        for row in rows[name].tolist():
            item, digest = _item(varied[row][name][0], kind)
            items.append(item)
            digests.append(digest)
        nothing = np.full(len(items), -1, dtype=np.int64)
        called = tuple(names[row] for row in rows[name].tolist())
        sets[name] = ExampleSet(KINDS[kind], tuple(items), nothing, (), called, tuple(digests))
    labels = np.full(len(varied), -1, dtype=np.int64)
    return replace(like, sets=sets, rows=rows, numbers=numbers, labels=labels, names=names, groups=None)


def _item(value: Any, kind: str) -> tuple[Any, str]:  # noqa: ANN401 - a tensor or a text
    if kind == "texts":
        return value, digest_of(value)
    if kind == "images":
        pixels = value.numpy()
        return pixels, digest_of(pixels)
    data = encode_wav(value.to(torch.int16), RATE)
    return SoundFile("a variant", lambda: data), digest_of(data)
