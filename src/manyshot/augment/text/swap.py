"""Swapped words (Wei and Zou 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.text_op import NEGATIONS, KeepingOp, count_of
from manyshot.augment.text.words import Words, same_script


@dataclass(frozen=True)
class SwapWords(KeepingOp[list[int]]):
    """Swap two random words of each text, several times: random swap of EDA.

    For n words there are `max(1, fraction * n)` swaps. What stands between words stays, unlike in the paper, whose
    texts lose their punctuation; and words next to an address, a placeholder or an emoji stay.

    Args:
        fraction: Number of swaps, as a fraction of the number of words; at least one if there are two words.
        keep: Words that are left alone, with spaces between them; negations by default.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> SwapWords().apply(["Good day, all!"], {"seed": torch.tensor([1])})
        ['Good all, day!']
    """

    fraction: float = 0.1
    keep: str = NEGATIONS

    def find(self, words: Words) -> list[int]:
        """The indices of words that may be moved."""
        return self.free(words, words.movable)

    def numbers_needed(self, words: Words, found: list[int]) -> int:
        """Two numbers per swap."""
        return 2 * count_of(self.fraction, words.total) if len(found) > 1 else 0

    def rewrite(self, words: Words, found: list[int], numbers: Sequence[float]) -> str:
        """The text with swapped words; a Han word is never swapped with a word that needs spaces."""
        parts, movable = words.parts.copy(), found
        for first, second in zip(numbers[::2], numbers[1::2], strict=True):
            position = int(first * len(movable))
            other = (position + 1 + int(second * (len(movable) - 1))) % len(movable)
            i, j = movable[position], movable[other]
            if same_script(parts[i], parts[j]):
                parts[i], parts[j] = parts[j], parts[i]
        return "".join(parts)
