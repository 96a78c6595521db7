"""An easier data augmentation (Karimi, Rossi and Prati 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.chinese_tools import is_han
from manyshot.augment.text.text_op import FractionOp, WordOp, pick_distinct
from manyshot.augment.text.words import Words

MARKS, FULL_WIDTH = ".;?:!,", "。；？：！，"


@dataclass(frozen=True)
class AEDA(FractionOp, WordOp[Sequence[int]]):
    """Insert random punctuation before random words of each text (Karimi, Rossi and Prati 2021).

    Of n words, 1 to `max(1, fraction * n)` get one of `. ; ? : ! ,` before them; Han words get full-width signs,
    without a space. Words next to an address, a placeholder or an emoji get none.

    Args:
        fraction: Largest fraction of words that get punctuation; a third in the paper.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> AEDA().apply(["Where can I buy tea?", "今天天气真好"], {"seed": torch.tensor([1, 2])})
        ['Where can ! I buy tea?', '？今天天气真好']
    """

    fraction: float = 1 / 3

    def find(self, words: Words) -> Sequence[int]:
        """The indices of words that may get punctuation."""
        return words.movable

    def numbers_needed(self, words: Words, found: Sequence[int]) -> int:
        """One number for how many, and two for each: before which word, and which sign."""
        return 1 + 2 * min(max(1, int(self.fraction * words.total)), len(found))

    def rewrite(self, words: Words, found: Sequence[int], numbers: Sequence[float]) -> str:
        """The text with more punctuation."""
        parts, most = words.parts.copy(), len(numbers) // 2
        count = 1 + int(numbers[0] * most)
        for index, number in zip(pick_distinct(found, count, numbers[1:]), numbers[1 + most :], strict=False):
            sign = int(number * len(MARKS))
            parts[index] = (FULL_WIDTH[sign] if is_han(parts[index]) else f"{MARKS[sign]} ") + parts[index]
        return "".join(parts)
