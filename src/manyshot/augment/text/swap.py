"""Words that change places (Wei and Zou 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import check_number
from manyshot.augment.text.text_op import WordOp, portion
from manyshot.augment.text.words import Words, same_script


@dataclass(frozen=True)
class SwapWords(WordOp):
    """Let two random words of each text change places, several times: random swap of EDA.

    With n words there are `max(1, share n)` swaps. What stands between words stays, unlike in the paper, whose texts
    lose their punctuation; and words next to an address, a placeholder or an emoji stay.

    Args:
        share: of swaps among words; at least one is made where there are two words.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> SwapWords().apply(["Good day, all!"], {"seed": torch.tensor([1])})
        ['Good all, day!']
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """Two numbers a swap."""
        return 2 * portion(self.share, words.total) if len(words.free) > 1 else 0

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with words in other places; a Han word never trades places with one that needs spaces."""
        parts, free = words.parts.copy(), words.free
        for first, second in zip(numbers[::2], numbers[1::2], strict=True):
            place = int(first * len(free))
            other = (place + 1 + int(second * (len(free) - 1))) % len(free)
            here, there = free[place], free[other]
            if same_script(parts[here], parts[there]):
                parts[here], parts[there] = parts[there], parts[here]
        return "".join(parts)
