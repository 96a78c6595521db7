"""Slips of the fingers on a keyboard."""

from dataclasses import dataclass

from manyshot.augment.text.letters import LetterOp
from manyshot.augment.text.text_op import like

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHIFT = (0.0, 0.25, 0.75)
"""How far to the right each row begins, in keys."""


def _neighbours() -> dict[str, str]:
    place = {key: (x + _SHIFT[y], y) for y, row in enumerate(_ROWS) for x, key in enumerate(row)}
    return {
        key: "".join(
            other
            for other, (u, v) in place.items()
            if abs(u - x) + abs(v - y) > 0 and abs(u - x) <= 1 and abs(v - y) <= 1
        )
        for key, (x, y) in place.items()
    }


NEAR = _neighbours()
"""The keys that touch each key of an English keyboard."""
KINDS = ("replace", "insert", "leave out", "swap")


@dataclass(frozen=True)
class Typos(LetterOp):
    """Mistype random words of each text, one slip a word.

    A slip is a neighbouring key instead of the right one or after it, a letter left out, or two letters swapped. Words
    of at least two Latin letters are mistyped, on an English keyboard; the first letter is never left out.

    Args:
        share: of words that are mistyped; at least one is.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Typos().apply(["Where can I buy tea?"], {"seed": torch.tensor([1])})
        ['Where can I buy eta?']
    """

    share: float = 0.1

    def can_spoil(self, word: str) -> bool:
        """Whether it has two letters of the keyboard."""
        if word.isascii():
            return len(word) > 1  # words begin and end with letters
        return sum(letter in NEAR for letter in word.lower()) > 1

    def spoilt(self, word: str, where: float, how: float) -> str:
        """One slip, at a letter of the keyboard."""
        places = [place for place, letter in enumerate(word.lower()) if letter in NEAR]
        place = places[int(where * len(places))]
        kind, rest = divmod(how * len(KINDS), 1)
        letter = word[place]
        near = NEAR[letter.lower()]
        slip = like(near[int(rest * len(near))], letter)
        if KINDS[int(kind)] == "leave out" and place:
            return word[:place] + word[place + 1 :]
        if KINDS[int(kind)] == "swap" and place and word[place - 1].lower() != letter.lower():
            return (
                word[: place - 1]
                + like(letter, word[place - 1])
                + like(word[place - 1].lower(), letter)
                + word[place + 1 :]
            )
        if KINDS[int(kind)] == "insert":
            return word[: place + 1] + slip.lower() + word[place + 1 :]
        return word[:place] + slip + word[place + 1 :]
