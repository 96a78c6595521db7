"""Examples of several parts on a page: pictures, spectrograms with players, texts and numbers together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from manyshot.classify.multipart.parted_examples import PartedExamples
from manyshot.report.page import Gallery, Part, Picture, Table
from manyshot.report.sound_clip import sound_clip

LONGEST = 160
"""Letters of a text that are shown."""


def parts_shown(
    examples: PartedExamples, rows: Sequence[int], captions: Sequence[str], side: int, clips: int
) -> list[Part]:
    """Examples with what is to be said of each: a gallery of those that can be seen, and a table of the others.

    Args:
        examples: Examples.
        rows: Which of them.
        captions: What is to be said of each.
        side: Height and width of pictures, in pixels.
        clips: Largest number of recordings that can be played.
    """
    pictures: list[Picture] = []
    others = []
    for row, caption in zip(rows, captions, strict=True):
        said = ": ".join(filter(None, (examples.names[row], _words(examples, row))))
        picture = _picture(
            examples, row, f"{said}: {caption}", side, sum(one.sound is not None for one in pictures) < clips
        )
        if picture is None:
            others.append((examples.names[row], _words(examples, row), caption))
        else:
            pictures.append(picture)
    parts: list[Part] = [Gallery(pictures)] if pictures else []
    return [*parts, Table(("example", "what it says", "finding"), others)] if others else parts


def _picture(examples: PartedExamples, row: int, caption: str, side: int, playable: bool) -> Picture | None:
    """The first part that can be seen, with a recording that the example has; None if it has neither."""
    seen, heard = None, None
    for name, own in examples.sets.items():
        place = np.flatnonzero(examples.rows[name] == row)
        if own.kind == "sentences" or not len(place):
            continue
        if own.kind == "sounds" and heard is None:
            heard = sound_clip(own.sounds(place)[0])
        if seen is None or (own.kind == "pictures" and seen[1] == "sounds"):
            seen = own.pictures(place, side)[0].permute(1, 2, 0).numpy(), own.kind
    if seen is None:
        return None
    picture = Picture.of(Image.fromarray(seen[0]), alt=examples.names[row], caption=caption)
    if heard is None or not playable:
        return picture
    return replace(picture, sound=heard)


def _words(examples: PartedExamples, row: int) -> str:
    """Texts and numbers of an example."""
    words = []
    for name, own in examples.sets.items():
        place = np.flatnonzero(examples.rows[name] == row)
        if own.kind == "sentences" and len(place):
            text = own.texts(place)[0]
            words.append(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
    if examples.numbers is not None:
        known = zip(examples.number_names, examples.numbers[row].tolist(), strict=True)
        words += [f"{name} {value:g}" for name, value in known if value == value]
    return ", ".join(words)
