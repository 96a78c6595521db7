"""Texts in which marked spans, such as answers, come through an op unchanged, with their new places."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from manyshot.augment.ops.op import Op, Params

Span = tuple[int, int]
"""Where a span begins, and where it ends, in characters."""


@dataclass(frozen=True)
class Marked:
    """A text with spans.

    Args:
        text: any.
        spans: in any order; they may overlap and may be equal.

    Example:
        >>> Marked("Rome fell in 476.", ((13, 16),)).inside
        ('476',)
    """

    text: str
    spans: tuple[Span, ...]

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands in each span."""
        return tuple(self.text[start:end] for start, end in self.spans)


def change_around(op: Op, items: Sequence[Marked], params: Params) -> list[Marked]:
    """Change texts, but not what stands in their spans.

    While the op acts, one character of a private area of Unicode that the text does not have stands for each span, or
    for spans that overlap. Ops of texts leave such characters whole. Where one is lost or doubled all the same, as a
    paraphrasing model may do, the text comes back as it was.

    Args:
        op: on texts.
        items: n texts.
        params: of n items.

    Returns:
        The n texts with the same spans in the same order, each at its new place.

    Example:
        >>> import torch
        >>> from manyshot.augment.text import DeleteWords
        >>> text = Marked("Rome fell in 476.", ((0, 4), (13, 16)))
        >>> (changed,) = change_around(DeleteWords(0.5), [text], {"seed": torch.tensor([1])})
        >>> changed, changed.inside
        (Marked(text='Rome fell 476.', spans=((0, 4), (10, 13))), ('Rome', '476'))
    """
    covered = [_covered(item) for item in items]
    changed = op.apply([text for text, _ in covered], params)
    return [_restored(item, runs, text) for item, (_, runs), text in zip(items, covered, changed, strict=True)]


def _covered(item: Marked) -> tuple[str, dict[str, Span]]:
    """The text with a character for each run of overlapping spans, and what these stand for, in order."""
    runs: list[Span] = []
    for start, end in sorted(item.spans):
        if runs and start < runs[-1][1]:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        elif not runs or (start, end) != runs[-1]:
            runs.append((start, end))
    present = set(item.text)
    unused = (chr(code) for code in count(0xF0000) if chr(code) not in present)
    signs = {next(unused): run for run in runs}
    parts: list[str] = []
    before = 0
    for sign, (start, end) in signs.items():
        parts += (item.text[before:start], sign)
        before = end
    return "".join((*parts, item.text[before:])), signs


def _restored(item: Marked, signs: dict[str, Span], text: str) -> Marked:
    if any(text.count(sign) != 1 for sign in signs):
        return item
    parts: list[str] = []
    before, length, begins = 0, 0, {}
    for sign in sorted(signs, key=text.index):
        start, end = signs[sign]
        place = text.index(sign)
        parts += (text[before:place], item.text[start:end])
        begins[start, end] = length + place - before
        length += place - before + end - start
        before = place + 1
    runs = list(begins)

    def moved(span: Span) -> Span:
        run = next(run for run in runs if run[0] <= span[0] and span[1] <= run[1])
        start = begins[run] + span[0] - run[0]
        return start, start + span[1] - span[0]

    return Marked("".join((*parts, text[before:])), tuple(map(moved, item.spans)))
