"""Deletion of words (Wei and Zou 2019), one by one or a span of them (Shen et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.characters import SEPARATORS
from manyshot.augment.text.text_op import NEGATIONS, KeepingOp, count_of, pick_distinct
from manyshot.augment.text.words import Words


@dataclass(frozen=True)
class DeleteWords(KeepingOp[list[int]]):
    """Delete random words of each text: random deletion of EDA.

    Of n words, `max(1, fraction * n)` are deleted; in the paper each is deleted with that probability, which leaves
    most short texts unchanged. At least one word stays, and so do words next to an address, a placeholder or an emoji.

    Args:
        fraction: Fraction of words that are deleted, at least one word.
        keep: Words that are left alone, with spaces between them; negations by default.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> DeleteWords().apply(["Good day, all!"], {"seed": torch.tensor([1])})
        ['Good day!']
    """

    fraction: float = 0.1
    keep: str = NEGATIONS

    def find(self, words: Words) -> list[int]:
        """The indices of words that may be left out."""
        return self.free(words, words.movable)

    def numbers_needed(self, words: Words, found: list[int]) -> int:
        """One number per deleted word."""
        return max(0, min(count_of(self.fraction, words.total), len(found), words.total - 1))

    def rewrite(self, words: Words, found: list[int], numbers: Sequence[float]) -> str:
        """The text without these words."""
        return delete_words(words.parts, sorted(pick_distinct(found, len(numbers), numbers)))


@dataclass(frozen=True)
class CutOff(KeepingOp[list[list[int]]]):
    """Delete a span of neighboring words of each text: span cutoff (Shen, Zheng, Shen, Qu and Chen 2020).

    Of n words, `max(1, fraction * n)` in a row are deleted, with what stands between them; a span holds no address,
    placeholder, number or emoji. In the paper the embeddings of the span are set to zero, so that the other words keep
    their positions.

    Args:
        fraction: Fraction of words in the span.
        keep: Words that are left alone, with spaces between them; negations by default.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> CutOff(fraction=0.5).apply(["Nobody has seen the car here."], {"seed": torch.tensor([1])})
        ['Nobody has seen.']
    """

    fraction: float = 0.2
    keep: str = NEGATIONS

    def find(self, words: Words) -> list[list[int]]:
        """The indices of the words of each span that may be deleted."""
        length = min(count_of(self.fraction, words.total), words.total - 1)
        if length < 1:
            return []
        runs, before = [], None
        for index in self.free(words, words.movable):
            if before is None or index > before + 2 or not _only_separates(words.parts[index - 1]):
                runs.append([index])
            else:
                runs[-1].append(index)
            before = index
        return [run[start : start + length] for run in runs for start in range(len(run) - length + 1)]

    def numbers_needed(self, words: Words, found: list[list[int]]) -> int:
        """One number, for the position of the span."""
        return 1

    def rewrite(self, words: Words, found: list[list[int]], numbers: Sequence[float]) -> str:
        """The text without the span."""
        return delete_words(words.parts, found[int(numbers[0] * len(found))])


COMMAS, STOPS = frozenset(",，、"), frozenset(".!?;:…。！？；：")


def delete_words(parts: Sequence[str], indices: Sequence[int]) -> str:
    """The text without some of its words.

    Of two spaces that meet, one is deleted, and so are a comma before the end of a sentence and what separates two
    neighboring deleted words.

    Args:
        parts: What stands between words and words in turn.
        indices: Indices of movable words, in rising order.

    Example:
        >>> delete_words(["", "Good", " ", "old", " ", "friend", ", hi"], [1, 5])
        'old, hi'
    """
    result, end = "", 0
    for index in indices:
        between, before = parts[index + 1], 0 < end == index
        result += "".join(parts[end:index])
        end = index + 2
        if before and _only_separates(parts[index - 1]):
            result = result.removesuffix(parts[index - 1])
        at_end = index + 2 == len(parts) and not between
        if result.endswith(" ") and (at_end or between[:1] in SEPARATORS):
            result = result[:-1]
        if result[-1:] in COMMAS and (at_end or between[:1] in STOPS):
            result = result[:-1]
        result += between[1:] if not result and between[:1] == " " else between
    return result + "".join(parts[end:])


def _only_separates(between: str) -> bool:
    """Whether it only separates words."""
    return between == " " or SEPARATORS.issuperset(between)
