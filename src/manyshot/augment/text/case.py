"""Upper and lower case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from manyshot.augment.ops.op import check_choice
from manyshot.augment.text.text_op import WordOp
from manyshot.augment.text.words import Words

CASES = ("lower", "upper", "title")


@dataclass(frozen=True)
class Case(WordOp[list[str]]):
    """Write each text in lower case, in upper case, or with a capital at the start of each word, at random.

    Args:
        to: "lower", "upper" or "title", or "any" for a random choice.

    Raises:
        InputError: For another word.

    Example:
        >>> import torch
        >>> Case("upper").apply(["Mail me at Me@site.org"], {"seed": torch.tensor([1])})
        ['MAIL ME AT Me@site.org']
    """

    to: str = "any"
    segmented: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_choice(self, "to", (*CASES, "any"))

    def find(self, words: Words) -> list[str]:
        """The text in each case that changes something."""
        before, variants = "".join(words.parts), []
        for case in CASES if self.to == "any" else (self.to,):
            parts = words.parts.copy()
            for index in words.indices:
                word = parts[index]
                parts[index] = (
                    word.lower() if case == "lower" else word.upper() if case == "upper" else word[0].upper() + word[1:]
                )
            variants.append("".join(parts))
        return [text for text in variants if text != before]

    def numbers_needed(self, words: Words, found: list[str]) -> int:
        """One number, for the choice among the cases."""
        return 1

    def rewrite(self, words: Words, found: list[str], numbers: Sequence[float]) -> str:
        """The text in another case."""
        return found[int(numbers[0] * len(found))]
