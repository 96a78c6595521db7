"""Capital letters and small ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from manyshot.augment.ops.op import check_choice
from manyshot.augment.text.text_op import WordOp
from manyshot.augment.text.words import Words

WAYS = ("lower", "upper", "title")


@dataclass(frozen=True)
class Case(WordOp):
    """Write each text in small letters, in capitals, or with a capital at the head of each word, by a random choice.

    Args:
        to: lower, upper or title, to leave no choice; or any.

    Raises:
        InputError: for another word.

    Example:
        >>> import torch
        >>> Case("upper").apply(["Mail me at Me@site.org"], {"seed": torch.tensor([1])})
        ['MAIL ME AT Me@site.org']
    """

    to: str = "any"
    segmented: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_choice(self, "to", (*WAYS, "any"))

    def needs(self, words: Words) -> int:
        """One number, for the choice among the ways that change something."""
        return 1 if self._written(words) else 0

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text in other letters."""
        written = self._written(words)
        return written[int(numbers[0] * len(written))]

    def _written(self, words: Words) -> list[str]:
        before, written = "".join(words.parts), []
        for way in WAYS if self.to == "any" else (self.to,):
            parts = words.parts.copy()
            for place in words.places:
                word = parts[place]
                parts[place] = (
                    word.lower() if way == "lower" else word.upper() if way == "upper" else word[0].upper() + word[1:]
                )
            written.append("".join(parts))
        return [text for text in written if text != before]
