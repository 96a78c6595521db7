"""An easier data augmentation (Karimi, Rossi and Prati 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import check_number
from manyshot.augment.text.chinese import is_han
from manyshot.augment.text.text_op import WordOp, pick
from manyshot.augment.text.words import Words

MARKS, FULL_WIDTH = ".;?:!,", "。；？：！，"


@dataclass(frozen=True)
class AEDA(WordOp):
    """Put random punctuation before random words of each text (Karimi, Rossi and Prati 2021).

    Of n words, 1 to `max(1, share n)` get one of `. ; ? : ! ,` before them; Han words get full-width ones, without a
    space. Words next to an address, a placeholder or an emoji get none.

    Args:
        share: of words that get punctuation, at most; a third in the paper.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> AEDA().apply(["Where can I buy tea?", "今天天气真好"], {"seed": torch.tensor([1, 2])})
        ['Where can ! I buy tea?', '？今天天气真好']
    """

    share: float = 1 / 3

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """How many, and at most two numbers for each: before which, and what."""
        return 1 + 2 * self._most(words) if words.free else 0

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with further punctuation."""
        parts, most = words.parts.copy(), self._most(words)
        count = 1 + int(numbers[0] * most)
        for place, number in zip(pick(words.free, count, numbers[1:]), numbers[1 + most :], strict=False):
            sign = int(number * len(MARKS))
            parts[place] = (FULL_WIDTH[sign] if is_han(parts[place]) else f"{MARKS[sign]} ") + parts[place]
        return "".join(parts)

    def _most(self, words: Words) -> int:
        return min(max(1, int(self.share * words.total)), len(words.free))
