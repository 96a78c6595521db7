"""Typing errors on a keyboard."""

from dataclasses import dataclass

from manyshot.augment.text.letters import LetterOp
from manyshot.augment.text.text_op import match_case

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHIFT = (0.0, 0.25, 0.75)
"""Offset of each row to the right, in keys."""


def _neighbors() -> dict[str, str]:
    index = {key: (x + _SHIFT[y], y) for y, row in enumerate(_ROWS) for x, key in enumerate(row)}
    return {
        key: "".join(
            other
            for other, (u, v) in index.items()
            if abs(u - x) + abs(v - y) > 0 and abs(u - x) <= 1 and abs(v - y) <= 1
        )
        for key, (x, y) in index.items()
    }


NEAR = _neighbors()
"""The keys that touch each key of an English keyboard."""
KINDS = ("replace", "insert", "leave out", "swap")


@dataclass(frozen=True)
class Typos(LetterOp):
    """Mistype random words of each text, one error per word.

    An error is a neighboring key instead of the right one or after it, a letter left out, or two letters swapped. Words
    of at least two Latin letters are mistyped, on an English keyboard; the first letter is never left out.

    Args:
        fraction: Fraction of words that are mistyped, at least one if any can be.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Typos().apply(["Where can I buy tea?"], {"seed": torch.tensor([1])})
        ['Where can I buy eta?']
    """

    fraction: float = 0.1

    def can_misspell(self, word: str) -> bool:
        """Whether the word has two letters of the keyboard."""
        if word.isascii():
            return len(word) > 1  # words begin and end with letters
        return sum(letter in NEAR for letter in word.lower()) > 1

    def misspell_word(self, word: str, where: float, how: float) -> str:
        """The word with one error, at a letter of the keyboard."""
        if word.isascii() and word.isalpha():
            index = int(where * len(word))
        else:
            indices = [index for index, letter in enumerate(word.lower()) if letter in NEAR]
            index = indices[int(where * len(indices))]
        number = how * len(KINDS)
        kind = KINDS[int(number)]
        letter = word[index]
        if kind == "leave out" and index:
            return word[:index] + word[index + 1 :]
        if kind == "swap" and index and word[index - 1].lower() != letter.lower():
            return (
                word[: index - 1]
                + match_case(letter, word[index - 1])
                + match_case(word[index - 1].lower(), letter)
                + word[index + 1 :]
            )
        near = NEAR[letter.lower()]
        slip = match_case(near[int((number - int(number)) * len(near))], letter)
        if kind == "insert":
            return word[: index + 1] + slip.lower() + word[index + 1 :]
        return word[:index] + slip + word[index + 1 :]
