"""Shuffled sentences."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import Params
from manyshot.augment.text.characters import is_simple, marks
from manyshot.augment.text.text_op import TextOp, draw_numbers

_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*+\s++(?=\S)|(?<=[。！？；…])[”’」』）]*+(?=[^\s”’」』）。！？…])")
_NO_END = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Rev|Gen|Col|Sgt|Lt|vs|etc|No|Nos|Fig|Vol|pp|ca|cf|al|Inc|Ltd|Co|Corp|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)|e\.g|i\.e|a\.m|p\.m)\.$"
)
"""An abbreviation's full stop."""


@dataclass(frozen=True)
class ShuffleSentences(TextOp):
    """Shuffle the sentences of each text; a text of one sentence stays as it is.

    A sentence ends at a full stop, question mark or exclamation mark that stands before a space and does not belong to
    a common abbreviation, and at their full-width forms.

    Example:
        >>> import torch
        >>> ShuffleSentences().apply(["It rains. Dr. Who is in? Yes."], {"seed": torch.tensor([2])})
        ['Dr. Who is in? It rains. Yes.']
    """

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; what stands between sentences keeps its position."""
        parts = [sentences(text) for text in texts]
        drawn = draw_numbers(params["seed"], [len(some) // 2 + 1 for some in parts])
        return [_shuffle(some, numbers) for some, numbers in zip(parts, drawn, strict=True)]


def sentences(text: str) -> list[str]:
    """Split a text into sentences and what stands between them, in turn.

    Example:
        >>> sentences("It rains. Dr. Who is in? Yes."), sentences("下雨了。真的吗？是。")
        (['It rains.', ' ', 'Dr. Who is in?', ' ', 'Yes.'], ['下雨了。', '', '真的吗？', '', '是。'])
    """
    parts: list[str] = []
    start = 0
    if text and not _stands_alone(text, 0):
        return [text]  # its first character would attach to the sentence before it
    for match in _END.finditer(text):
        closing = match.end() - len(match.group().lstrip("\"'”’」』）)]"))
        if _NO_END.search(text, max(start, match.start() - 8), match.start()) or not _stands_alone(text, match.end()):
            continue
        parts += (text[start:closing], text[closing : match.end()])
        start = match.end()
    return [*parts, text[start:]]


def _stands_alone(text: str, index: int) -> bool:
    """Whether the character at an index does not belong to the one before it."""
    return is_simple(text[index]) or re.match(f"[{marks()}]", text[index]) is None


def _shuffle(parts: Sequence[str], numbers: Sequence[float]) -> str:
    sentences = parts[::2]
    order = sorted(range(len(sentences)), key=numbers.__getitem__)
    if order == list(range(len(sentences))):
        order = [*order[1:], *order[:1]]
    shuffled = list(parts)
    shuffled[::2] = [sentences[index] for index in order]
    return "".join(shuffled)
