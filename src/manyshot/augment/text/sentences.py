"""Sentences in another order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import Params
from manyshot.augment.text.characters import is_simple, marks
from manyshot.augment.text.text_op import TextOp, draws

_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*+\s++(?=\S)|(?<=[。！？；…])[”’」』）]*+(?=[^\s”’」』）。！？…])")
_NO_END = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Rev|Gen|Col|Sgt|Lt|vs|etc|No|Nos|Fig|Vol|pp|ca|cf|al|Inc|Ltd|Co|Corp|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)|e\.g|i\.e|a\.m|p\.m)\.$"
)
"""An abbreviation's full stop."""


@dataclass(frozen=True)
class ShuffleSentences(TextOp):
    """Put the sentences of each text in another random order; a text of one sentence stays as it is.

    A sentence ends at a full stop, question or exclamation mark before a space that no common abbreviation has before
    it, and at their full-width forms.

    Example:
        >>> import torch
        >>> ShuffleSentences().apply(["It rains. Dr. Who is in? Yes."], {"seed": torch.tensor([2])})
        ['Dr. Who is in? It rains. Yes.']
    """

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; what stands between sentences keeps its place."""
        parts = [sentences(text) for text in texts]
        drawn = draws(params["seed"], [len(found) // 2 + 1 for found in parts])
        return [_shuffled(found, numbers) for found, numbers in zip(parts, drawn, strict=True)]


def sentences(text: str) -> list[str]:
    """Sentences and what stands between them in turn; joined, they are the text.

    Example:
        >>> sentences("It rains. Dr. Who is in? Yes."), sentences("下雨了。真的吗？是。")
        (['It rains.', ' ', 'Dr. Who is in?', ' ', 'Yes.'], ['下雨了。', '', '真的吗？', '', '是。'])
    """
    parts: list[str] = []
    start = 0
    if text and not _stands_alone(text, 0):
        return [text]  # its first character would belong to whatever it came to stand behind
    for match in _END.finditer(text):
        closing = match.end() - len(match.group().lstrip("\"'”’」』）)]"))
        if _NO_END.search(text, max(start, match.start() - 8), match.start()) or not _stands_alone(text, match.end()):
            continue
        parts += (text[start:closing], text[closing : match.end()])
        start = match.end()
    return [*parts, text[start:]]


def _stands_alone(text: str, place: int) -> bool:
    """Whether the character there does not belong to the one before it."""
    return is_simple(text[place]) or re.match(f"[{marks()}]", text[place]) is None


def _shuffled(parts: Sequence[str], numbers: Sequence[float]) -> str:
    found = parts[::2]
    order = sorted(range(len(found)), key=numbers.__getitem__)
    if order == list(range(len(found))):
        order = [*order[1:], *order[:1]]
    changed = list(parts)
    changed[::2] = [found[place] for place in order]
    return "".join(changed)
