"""Words as people misspell them who go by the sound."""

import re
from dataclasses import dataclass

from manyshot.augment.text.letters import LetterOp

_DOUBLED = re.compile(r"([bcdfglmnprstz])\1")
_AFTER_VOWEL = re.compile(r"(?<=[aeiou])[bdfglmnprt](?=[aeiou])")
_PAIRS = (
    ("ie", "ei"),
    ("ei", "ie"),
    ("able", "ible"),
    ("ible", "able"),
    ("ance", "ence"),
    ("ence", "ance"),
    ("ant", "ent"),
    ("ent", "ant"),
    ("ary", "ery"),
    ("ery", "ary"),
    ("or", "er"),
    ("er", "or"),
    ("ph", "f"),
    ("gh", "g"),
    ("ck", "k"),
    ("sc", "s"),
    ("qu", "kw"),
    ("tion", "sion"),
    ("sion", "tion"),
    ("ough", "uff"),
    ("ould", "uld"),
    ("ea", "ee"),
    ("ee", "ea"),
    ("ai", "ay"),
    ("oo", "u"),
    ("ly", "ley"),
    ("cy", "sy"),
    ("x", "ks"),
)


@dataclass(frozen=True)
class Misspell(LetterOp):
    """Misspell random words of each text by the sound, one mistake a word: `recieve`, `definate`, `acommodate`.

    The mistakes are English ones: letters that sound alike, `ie` for `ei`, endings such as `-able` for `-ible`, one
    consonant for two and two for one.

    Args:
        share: of words that are misspelt; at least one is, if any can be.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Misspell().apply(["I received a letter."], {"seed": torch.tensor([1])})
        ['I received a lettor.']
    """

    share: float = 0.1

    def can_spoil(self, word: str) -> bool:
        """Whether one of the mistakes can be made in it."""
        return len(word) > 3 and bool(_mistakes(word))

    def spoilt(self, word: str, where: float, how: float) -> str:
        """One mistake."""
        mistakes = _mistakes(word)
        start, end, wrong = mistakes[int(where * len(mistakes))]
        return word[:start] + wrong + word[end:]


def _mistakes(word: str) -> list[tuple[int, int, str]]:
    """Where a mistake can be made, and what stands there then. First letters stay as they are."""
    found = [(m.start(), m.end(), m.group(1)) for m in _DOUBLED.finditer(word, 1)]
    found += [(m.start(), m.end(), 2 * m.group()) for m in _AFTER_VOWEL.finditer(word, 1)]
    for right, wrong in _PAIRS:
        start = word.find(right, 1)
        if start >= 0:
            found.append((start, start + len(right), wrong))
    return found
