"""What a machine that reads print takes letters for."""

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
"""What a letter is taken for."""
MERGED = {"rn": "m", "m": "rn", "cl": "d", "d": "cl", "vv": "w", "w": "vv", "li": "h", "ri": "n"}
"""The same, where two letters are taken for one, or one for two."""


@dataclass(frozen=True)
class OCR(LetterOp):
    """Misread random words of each text as optical recognition does, one mistake a word: `rn` for `m`, `1` for `l`.

    Args:
        share: of words that are misread; at least one is.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> OCR().apply(["Where can I buy tea?"], {"seed": torch.tensor([1])})
        ['Where can I buy tca?']
    """

    share: float = 0.1

    def can_spoil(self, word: str) -> bool:
        """Whether anything in it can be misread."""
        return bool(_mistakes(word))

    def spoilt(self, word: str, where: float, how: float) -> str:
        """One mistake."""
        mistakes = _mistakes(word)
        place, what, choices = mistakes[int(where * len(mistakes))]
        return word[:place] + choices[int(how * len(choices))] + word[place + len(what) :]


def _mistakes(word: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """Where something can be misread, what, and as what."""
    found = [(place, letter, tuple(CONFUSED[letter])) for place, letter in enumerate(word) if letter in CONFUSED]
    for place in range(len(word)):
        for length in (1, 2):
            what = word[place : place + length]
            if len(what) == length and what in MERGED:
                found.append((place, what, (MERGED[what],)))
    return found
