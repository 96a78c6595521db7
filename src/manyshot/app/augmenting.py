"""Ops that the page offers, the text of a plan of them, and what they do to examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from manyshot.app.html import figure, table
from manyshot.base import InputError, plain_number
from manyshot.classify.encode.encode_examples import plan_op
from manyshot.classify.examples.example_set import ExampleSet

PICTURES, VARIANTS = 3, 5
"""Number of examples that are shown, and of variants of each."""
SIZE = 224
"""Height and width in pixels at which ops act, as in a fit."""


@dataclass(frozen=True)
class OfferedOp:
    """An op with one slider.

    Args:
        name: Its name in plans.
        kind: What it changes.
        label: What the slider sets.
        low: Smallest value of the slider.
        high: Largest value.
        start: Value at first.
        step: Step of the slider.
    """

    name: str
    kind: Literal["pictures", "sentences"]
    label: str
    low: float
    high: float
    start: float
    step: float


OFFERED = (
    OfferedOp("flip", "pictures", "probability", 0.0, 1.0, 0.5, 0.05),
    OfferedOp("affine", "pictures", "rotation up to, degrees", 0.0, 90.0, 15.0, 1.0),
    OfferedOp("resized_crop", "pictures", "smallest area kept", 0.1, 1.0, 0.5, 0.05),
    OfferedOp("perspective", "pictures", "strength", 0.0, 0.45, 0.2, 0.01),
    OfferedOp("elastic", "pictures", "strength", 0.0, 0.3, 0.07, 0.01),
    OfferedOp("brightness", "pictures", "strength", 0.0, 1.0, 0.2, 0.05),
    OfferedOp("contrast", "pictures", "strength", 0.0, 1.0, 0.2, 0.05),
    OfferedOp("saturation", "pictures", "strength", 0.0, 1.0, 0.2, 0.05),
    OfferedOp("hue", "pictures", "strength", 0.0, 0.5, 0.05, 0.01),
    OfferedOp("grayscale", "pictures", "probability", 0.0, 1.0, 0.5, 0.05),
    OfferedOp("blur", "pictures", "sigma up to, pixels", 0.0, 8.0, 2.0, 0.1),
    OfferedOp("noise", "pictures", "strength", 0.0, 0.5, 0.1, 0.01),
    OfferedOp("erase", "pictures", "area of the hole up to", 0.0, 0.6, 0.2, 0.05),
    OfferedOp("typos", "sentences", "fraction of the words", 0.0, 0.5, 0.1, 0.05),
    OfferedOp("swap_words", "sentences", "fraction of the words", 0.0, 0.5, 0.1, 0.05),
    OfferedOp("delete_words", "sentences", "fraction of the words", 0.0, 0.5, 0.1, 0.05),
    OfferedOp("misspell", "sentences", "fraction of the words", 0.0, 0.5, 0.1, 0.05),
)
"""The ops of the page, in its order; plans have many more."""


def plan_text(values: Mapping[str, float]) -> str:
    """The ops of a plan as text, in the order of the page.

    Args:
        values: Value of the slider by the name of each op that is chosen.

    Example:
        >>> plan_text({"noise": 0.2, "flip": 0.5}), plan_text({})
        ('flip(0.5) noise(0.2)', 'none')
    """
    ops = [f"{op.name}({plain_number(values[op.name])})" for op in OFFERED if op.name in values]
    return " ".join(ops) or "none"


def preview_pictures(examples: ExampleSet, plan: str, seed: int) -> str:
    """Pictures beside their variants, as HTML.

    Args:
        examples: Pictures; the first of several classes are shown.
        plan: Ops as in plans.
        seed: Of the variants.

    Raises:
        InputError: If a picture is damaged.
    """
    pixels = examples.pictures(_first(examples), SIZE)
    variants: Sequence[torch.Tensor] = ()
    if plan != "none":
        generator = torch.Generator().manual_seed(seed)
        many = pixels.float().div(255).repeat_interleave(VARIANTS, 0)
        changed = plan_op(plan)(many, generator=generator).clamp(0, 1).mul(255).round().to(torch.uint8)
        variants = changed.split(VARIANTS)
    rows = []
    for place, original in enumerate(pixels):
        shown = [figure(original, "as it is")]
        if variants:
            shown += [figure(one, f"variant {number}") for number, one in enumerate(variants[place], start=1)]
        rows.append(f'<div class="variants">{"".join(shown)}</div>')
    return "".join(rows)


def preview_sentences(examples: ExampleSet, plan: str, seed: int) -> str:
    """Sentences beside their variants, as HTML.

    Args:
        examples: Sentences.
        plan: Ops as in plans.
        seed: Of the variants.
    """
    texts = examples.texts(_first(examples))
    if plan == "none":
        return table(["as it is"], [[text] for text in texts])
    many = [text for text in texts for _ in range(VARIANTS)]
    changed = plan_op(plan)(many, generator=torch.Generator().manual_seed(seed))
    rows = [
        [text if number == 0 else "", changed[place * VARIANTS + number]]
        for place, text in enumerate(texts)
        for number in range(VARIANTS)
    ]
    return table(["as it is", "variants"], rows)


def _first(examples: ExampleSet) -> list[int]:
    """The first example of each class, then the second, up to `PICTURES`."""
    if not len(examples):
        raise InputError("no examples to show; add some on the page 'Fit'")
    seen: dict[int, int] = {}
    order = []
    for row, label in enumerate(examples.labels.tolist()):
        order.append((seen.get(label, 0), row))
        seen[label] = seen.get(label, 0) + 1
    return [row for _, row in sorted(order)[:PICTURES]]
