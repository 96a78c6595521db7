"""Ops on texts that leave marked spans, such as answers, unchanged and report their new positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from manyshot.augment.ops.op import Op, Params

Span = tuple[int, int]
"""Start and end of a span, in characters."""


@dataclass(frozen=True)
class MarkedText:
    """A text with marked spans.

    Args:
        text: Any text.
        spans: Spans in any order, which may overlap or be equal.

    Example:
        >>> MarkedText("Rome fell in 476.", ((13, 16),)).span_texts
        ('476',)
    """

    text: str
    spans: tuple[Span, ...]

    @property
    def span_texts(self) -> tuple[str, ...]:
        """The text of each span."""
        return tuple(self.text[start:end] for start, end in self.spans)


def change_outside_spans(op: Op, items: Sequence[MarkedText], params: Params) -> list[MarkedText]:
    """Change texts, but not their spans.

    While the op acts, one character of a private area of Unicode that the text does not have stands for each span, or
    for spans that overlap. Ops on texts keep such characters. If one is lost or doubled all the same, as by a
    paraphrasing model, the text stays as it is.

    Args:
        op: An op on texts.
        items: The n texts.
        params: Params of n texts.

    Returns:
        The n texts with the same spans in the same order, at their new positions.

    Example:
        >>> import torch
        >>> from manyshot.augment.text import DeleteWords
        >>> text = MarkedText("Rome fell in 476.", ((0, 4), (13, 16)))
        >>> (changed,) = change_outside_spans(DeleteWords(0.5), [text], {"seed": torch.tensor([1])})
        >>> changed, changed.span_texts
        (MarkedText(text='Rome fell 476.', spans=((0, 4), (10, 13))), ('Rome', '476'))
    """
    covered = [_mask_spans(item) for item in items]
    changed = op.apply([text for text, _ in covered], params)
    return [_restore_spans(item, runs, text) for item, (_, runs), text in zip(items, covered, changed, strict=True)]


def _mask_spans(item: MarkedText) -> tuple[str, dict[str, Span]]:
    """The text with a character for each run of overlapping spans, and the spans of these characters, in order."""
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


def _restore_spans(item: MarkedText, signs: dict[str, Span], text: str) -> MarkedText:
    if any(text.count(sign) != 1 for sign in signs):
        return item
    parts: list[str] = []
    before, length, begins = 0, 0, {}
    for sign in sorted(signs, key=text.index):
        start, end = signs[sign]
        index = text.index(sign)
        parts += (text[before:index], item.text[start:end])
        begins[start, end] = length + index - before
        length += index - before + end - start
        before = index + 1
    runs = list(begins)

    def moved(span: Span) -> Span:
        run = next(run for run in runs if run[0] <= span[0] and span[1] <= run[1])
        start = begins[run] + span[0] - run[0]
        return start, start + span[1] - span[0]

    return MarkedText("".join((*parts, text[before:])), tuple(map(moved, item.spans)))
