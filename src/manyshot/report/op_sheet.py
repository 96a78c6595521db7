"""A contact sheet of every op at several strengths, on a printed letter and on a photograph."""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from manyshot.augment import OPS, Op
from manyshot.augment.image.image_op import ImageOp
from manyshot.base import InputError
from manyshot.base.call_syntax import number
from manyshot.base.seeds import generator
from manyshot.datasets import load_dataset
from manyshot.samples.contact_sheet import SheetRow, draw_sheet

STRENGTHS = (0.5, 1.0, 2.0)
"""Multiples of the default of an op's first option."""
LETTER = "Greek/small lamda"
PHOTO, CORNER, CROP = "china.jpg", (110, 0), 420
SIDE = 64


DRAWN = {name: kind for name, kind in OPS.items() if not issubclass(kind, ImageOp) or "images" in kind.takes}
"""Ops that can be drawn: those on images."""


def op_sheet(table: Mapping[str, type[Op]] = DRAWN, *, variants: int = 6, seed: int = 0) -> Image.Image:
    """Draw each op at half, once and twice the default of its first option; with probability 1 if that is p.

    Args:
        table: Op classes by name; all their options have defaults.
        variants: Number of augmented images of the letter, and of the photograph.
        seed: Seed of the draws.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> op_sheet({"flip": Flip}, variants=2).mode
        'RGB'
    """
    samples = (_letter(), _photo())
    rows = []
    for name, kind in table.items():
        for label, op in _strengths(name, kind()):
            row: list[Tensor] = []
            for image in samples:
                params = op.sample(variants, generator(seed, name))
                row += [image, *op.apply(image.expand(variants, -1, -1, -1), params)]
            rows.append(SheetRow(label, row))
    headings = ("original", "augmented", *[""] * (variants - 1)) * 2
    return draw_sheet(rows, headings=headings, rules=(1, variants + 1, variants + 2))


def _strengths(name: str, op: Op) -> list[tuple[str, Op]]:
    main = fields(op)[0].name if fields(op) else None  # type: ignore[arg-type] # every op is a dataclass
    value = getattr(op, main) if main else None
    if main is None or isinstance(value, bool) or not isinstance(value, int | float):
        return [(name, op)]
    if main == "p":
        return [(f"{name}(1)", replace(op, p=1.0))]  # type: ignore[type-var]
    strengths: list[tuple[str, Op]] = []
    for strength in STRENGTHS:
        stronger = type(value)(value * strength)
        try:
            strengths.append((f"{name}({number(stronger)})", replace(op, **{main: stronger})))  # type: ignore[type-var]
        except InputError:
            continue  # outside the range of the option
    return strengths


def _letter() -> Float[Tensor, "1 h w"]:
    source = load_dataset("glyphs", "greek", size=SIDE).subset(classes=[LETTER])
    letter: Tensor = source.gather([0])[0]
    return letter.float() / 255


def _photo() -> Float[Tensor, "3 h w"]:
    left, top = CORNER
    photo = Image.fromarray(load_sample_image(PHOTO)).crop((left, top, left + CROP, top + CROP))
    pixels = np.asarray(photo.resize((SIDE, SIDE), Image.Resampling.HAMMING))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
