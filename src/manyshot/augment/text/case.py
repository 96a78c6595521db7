"""Upper and lower case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from manyshot.augment.ops.op import check_choice
from manyshot.augment.text.text_op import WordOp
from manyshot.augment.text.words import Words

CASES = ("lower", "upper", "title")


@dataclass(frozen=True)
class Case(WordOp):
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

    def numbers_needed(self, words: Words) -> int:
        """One number, for the choice among the cases that change something."""
        return 1 if self._variants(words) else 0

    def rewrite(self, words: Words, numbers: Sequence[float]) -> str:
        """The text in another case."""
        variants = self._variants(words)
        return variants[int(numbers[0] * len(variants))]

    def _variants(self, words: Words) -> list[str]:
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
