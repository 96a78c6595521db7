"""The base class of ops that misspell words."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from manyshot.augment.text.text_op import FractionOp, WordOp, count_of, pick_distinct
from manyshot.augment.text.words import Words


class LetterOp(FractionOp, WordOp[list[int]]):
    """An op that misspells a fraction of the words of each text."""

    segmented: ClassVar[bool] = False

    def find(self, words: Words) -> list[int]:
        """The indices of words that can be misspelled."""
        parts, can_misspell = words.parts, self.can_misspell
        return [index for index in words.indices if can_misspell(parts[index])]

    def numbers_needed(self, words: Words, found: list[int]) -> int:
        """Three numbers per word: which word, where in it, and how."""
        return 3 * min(count_of(self.fraction, words.total), len(found))

    def rewrite(self, words: Words, found: list[int], numbers: Sequence[float]) -> str:
        """The text with some words misspelled."""
        parts, count = words.parts.copy(), len(numbers) // 3
        for rank, index in enumerate(pick_distinct(found, count, numbers)):
            parts[index] = self.misspell_word(parts[index], numbers[count + rank], numbers[2 * count + rank])
        return "".join(parts)

    @abstractmethod
    def can_misspell(self, word: str) -> bool:
        """Whether `misspell_word` changes the word."""

    @abstractmethod
    def misspell_word(self, word: str, where: float, how: float) -> str:
        """The word misspelled, given two numbers from 0 to 1."""
