"""Words that are left out (Wei and Zou 2019), one by one or a span of them (Shen et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import check_number
from manyshot.augment.text.characters import PARTING
from manyshot.augment.text.text_op import WordOp, pick, portion
from manyshot.augment.text.words import Words


@dataclass(frozen=True)
class DeleteWords(WordOp):
    """Leave random words of each text out: random deletion of EDA.

    Of n words, `max(1, share n)` go; in the paper each goes with probability `share`, which leaves most short texts as
    they were. At least one word stays, and so do words next to an address, a placeholder or an emoji.

    Args:
        share: of words that are left out; at least one is.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> DeleteWords().apply(["Good day, all!"], {"seed": torch.tensor([1])})
        ['Good day!']
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """One number a word that goes."""
        return min(portion(self.share, words.total), len(words.free), words.total - 1) if words.free else 0

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text without these words."""
        return without(words.parts, sorted(pick(words.free, len(numbers), numbers)))


@dataclass(frozen=True)
class CutOff(WordOp):
    """Leave a span of neighbouring words of each text out: span cut-off (Shen, Zheng, Shen, Qu and Chen 2020).

    Of n words, `max(1, share n)` in a row go, with what stands between them; a span holds no address, placeholder,
    number or emoji. In the paper the span is set to zero in the embeddings, so the others keep their positions.

    Args:
        share: of words in the span.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> CutOff(share=0.5).apply(["Nobody has seen the car here."], {"seed": torch.tensor([1])})
        ['Nobody has seen.']
    """

    share: float = 0.2

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """One number, for the place of the span."""
        return 1 if self._spans(words) else 0

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text without the span."""
        spans = self._spans(words)
        return without(words.parts, spans[int(numbers[0] * len(spans))])

    def _spans(self, words: Words) -> list[list[int]]:
        length = min(portion(self.share, words.total), words.total - 1)
        if length < 1:
            return []
        runs, before = [], None
        for place in words.free:
            if before is None or place > before + 2 or not _parts_only(words.parts[place - 1]):
                runs.append([place])
            else:
                runs[-1].append(place)
            before = place
        return [run[start : start + length] for run in runs for start in range(len(run) - length + 1)]


COMMAS, STOPS = frozenset(",，、"), frozenset(".!?;:…。！？；：")


def without(parts: Sequence[str], places: Sequence[int]) -> str:
    """The text without the words at these places.

    Args:
        parts: what stands between words and words in turn.
        places: of words that are free, in rising order. Of two spaces that meet, one goes, and so do a comma before
            the end of a sentence and what parts two neighbouring words that go.

    Example:
        >>> without(["", "Good", " ", "old", " ", "friend", ", hi"], [1, 5])
        'old, hi'
    """
    result, gone, before = parts[0], set(places), False
    for place in range(1, len(parts), 2):
        between = parts[place + 1]
        if place not in gone:
            result += parts[place] + between
            before = False
            continue
        if before and _parts_only(parts[place - 1]):
            result = result.removesuffix(parts[place - 1])
        at_end = place + 2 == len(parts) and not between
        if result.endswith(" ") and (at_end or between[:1] in PARTING):
            result = result[:-1]
        if result[-1:] in COMMAS and (at_end or between[:1] in STOPS):
            result = result[:-1]
        result += between[1:] if not result and between[:1] == " " else between
        before = True
    return result


def _parts_only(between: str) -> bool:
    """Whether nothing but what parts words stands there."""
    return between == " " or PARTING.issuperset(between)
