"""What is encoded for a fit: which encoders, which variants, and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from manyshot.classify.choose.candidates import NO_PLAN, Variants
from manyshot.classify.encode.encode_examples import count_uncached, encode_examples, estimate_seconds
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.encode.frozen_encoders import encoder_blocks, load_encoder
from manyshot.classify.examples.example_set import ExampleSet

MARGIN = 1.25
"""What an earlier fit left out, since all before it is in the cache, must fit into the budget this often: two
measurements of the same time differ, and a second fit should choose from the same as the first."""


@dataclass(frozen=True)
class Pass:
    """One time that all examples are encoded.

    Args:
        encoder: Name of one encoder.
        plan: Plan of the variants; "none" for the examples as they are.
        copies: Variants of each example; 1 for the examples as they are.
    """

    encoder: str
    plan: str = NO_PLAN
    copies: int = 1


@dataclass(frozen=True)
class Encoding:
    """The passes of a fit.

    Args:
        passes: What is encoded.
        seconds: How long it takes on this machine, less what is in the cache.
        left_out: What does not fit into the budget.
    """

    passes: tuple[Pass, ...]
    seconds: float
    left_out: tuple[Pass, ...]

    def shapes(self, count: int) -> EncodedExamples:
        """Features of the shapes that encoding will give, all zero and without memory of their own.

        Args:
            count: Number of examples.
        """
        zero = torch.zeros(1, 1, 1)
        sizes = {
            (one.encoder, one.plan): (count, one.copies, load_encoder(one.encoder).features) for one in self.passes
        }
        return EncodedExamples({key: zero.expand(size) for key, size in sizes.items()})


def plan_encoding(
    examples: ExampleSet, encoders: Sequence[str], together: Sequence[Variants], budget: float, seed: int = 0
) -> Encoding:
    """Choose what to encode within a budget.

    The examples as they are come first, for one encoder after the other, then variants for all of these encoders; those
    that are used together are made together. The first encoder is used whatever it costs, an encoder that was asked for
    with others ("a+b") like it. What is in the cache counts as if it were not, so that a second fit chooses from the
    same as the first.

    Args:
        examples: The examples.
        encoders: Encoders in order of preference; several joined by "+" are used together.
        together: Variants that are used together, in order of preference.
        budget: Seconds.
        seed: Seed of the variants.
    """
    blocks = list(dict.fromkeys(block for name in encoders for block in encoder_blocks(name)))
    passes: list[Pass] = []
    left_out: list[Pass] = []
    seconds = 0.0

    def add(wanted: Sequence[Pass], needed: bool = False) -> None:
        nonlocal seconds
        left = sum(_seconds(examples, one, seed) for one in wanted)
        margin = 1.0 if seconds or not passes else MARGIN
        if needed or not left or margin * sum(_seconds(examples, one) for one in (*passes, *wanted)) <= budget:
            passes.extend(wanted)
            seconds += left
        else:
            left_out.extend(one for one in wanted if one not in left_out)

    for block in blocks:
        add([Pass(block)], block in encoder_blocks(encoders[0]))
    used = [one.encoder for one in passes]
    for variants in together:
        add([one for one in (Pass(block, *row) for row in variants for block in used) if one not in passes])
    return Encoding(tuple(passes), seconds, tuple(left_out))


def _seconds(examples: ExampleSet, one: Pass, seed: int | None = None) -> float:
    """How long a pass takes, less what the cache holds for a seed."""
    plan, count = None if one.plan == NO_PLAN else one.plan, len(examples) * one.copies
    if seed is not None:
        count = count_uncached(one.encoder, examples, plan=plan, copies=one.copies, seed=seed)
    return estimate_seconds(one.encoder, examples, count, one.copies)


def encode_passes(examples: ExampleSet, passes: Sequence[Pass], seed: int = 0, device: str = "cpu") -> EncodedExamples:
    """Encode the examples and their variants; what was encoded before comes from the cache.

    Args:
        examples: The examples.
        passes: What is encoded.
        seed: Seed of the variants.
        device: Device to encode on.
    """
    features = {}
    for one in passes:
        plan = None if one.plan == NO_PLAN else one.plan
        title = f"{one.encoder}: {'examples' if plan is None else plan}"
        features[one.encoder, one.plan] = encode_examples(
            one.encoder, examples, plan=plan, copies=one.copies, seed=seed, device=device, title=title
        )
    return EncodedExamples(features)
