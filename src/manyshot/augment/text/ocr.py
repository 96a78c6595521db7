"""Letters misread as by optical character recognition."""

from dataclasses import dataclass

from manyshot.augment.text.letters import LetterOp

CONFUSED = {
    "0": "O",
    "O": "0QD",
    "o": "0c",
    "l": "1I",
    "I": "l1",
    "i": "1j",
    "S": "5",
    "s": "5",
    "B": "8",
    "Z": "2",
    "z": "2",
    "G": "6C",
    "g": "9q",
    "q": "g9",
    "b": "6h",
    "h": "b",
    "e": "c",
    "c": "e",
    "u": "v",
    "v": "u",
    "a": "o",
    "f": "t",
    "t": "f",
    "D": "O",
    "E": "F",
    "P": "F",
}
"""The letters that a letter is misread as."""
MERGED = {"rn": "m", "m": "rn", "cl": "d", "d": "cl", "vv": "w", "w": "vv", "li": "h", "ri": "n"}
"""Pairs of letters misread as one letter, and the reverse."""


@dataclass(frozen=True)
class OCR(LetterOp):
    """Misread random words of each text as optical character recognition does, one mistake per word.

    For example, `rn` is read for `m`, or `1` for `l`.

    Args:
        fraction: Fraction of words that are misread, at least one if any can be.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> OCR().apply(["Where can I buy tea?"], {"seed": torch.tensor([1])})
        ['Where can I buy tca?']
    """

    fraction: float = 0.1

    def can_misspell(self, word: str) -> bool:
        """Whether anything in the word can be misread."""
        return bool(_mistakes(word))

    def misspell_word(self, word: str, where: float, how: float) -> str:
        """The word with one mistake."""
        mistakes = _mistakes(word)
        index, what, choices = mistakes[int(where * len(mistakes))]
        return word[:index] + choices[int(how * len(choices))] + word[index + len(what) :]


def _mistakes(word: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """Index, letters and wrong letters of each possible mistake."""
    mistakes = [(index, letter, tuple(CONFUSED[letter])) for index, letter in enumerate(word) if letter in CONFUSED]
    for index in range(len(word)):
        for length in (1, 2):
            what = word[index : index + length]
            if len(what) == length and what in MERGED:
                mistakes.append((index, what, (MERGED[what],)))
    return mistakes
