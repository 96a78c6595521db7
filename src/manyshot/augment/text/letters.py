"""What ops that misspell words have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from manyshot.augment.ops.op import check_number
from manyshot.augment.text.text_op import WordOp, pick, portion
from manyshot.augment.text.words import Words


class LetterOp(WordOp):
    """An op that spoils the letters of some words; every one has the option `share`."""

    segmented: ClassVar[bool] = False
    share: float

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """Three numbers a word: which, where in it, and how."""
        return 3 * min(portion(self.share, words.total), len(self._places(words)))

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with these words spoilt."""
        parts, count = words.parts.copy(), len(numbers) // 3
        for rank, place in enumerate(pick(self._places(words), count, numbers)):
            parts[place] = self.spoilt(parts[place], numbers[count + rank], numbers[2 * count + rank])
        return "".join(parts)

    def _places(self, words: Words) -> list[int]:
        return [place for place in words.places if self.can_spoil(words.parts[place])]

    @abstractmethod
    def can_spoil(self, word: str) -> bool:
        """Whether `spoilt` changes a word."""

    @abstractmethod
    def spoilt(self, word: str, where: float, how: float) -> str:
        """A word that it can spoil, spoilt by two numbers from 0 to 1."""
