"""Words misspelled by their sound."""

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
    """Misspell random words of each text by their sound, one mistake per word: `recieve`, `definate`, `acommodate`.

    The mistakes are English: letters that sound alike, `ie` for `ei`, endings such as `-able` for `-ible`, single
    for double consonants and the reverse.

    Args:
        fraction: Fraction of words that are misspelled, at least one if any can be.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Misspell().apply(["I received a letter."], {"seed": torch.tensor([1])})
        ['I received a lettor.']
    """

    fraction: float = 0.1

    def can_misspell(self, word: str) -> bool:
        """Whether one of the mistakes is possible in the word."""
        return len(word) > 3 and bool(_mistakes(word))

    def misspell_word(self, word: str, where: float, how: float) -> str:
        """The word with one mistake."""
        mistakes = _mistakes(word)
        start, end, wrong = mistakes[int(where * len(mistakes))]
        return word[:start] + wrong + word[end:]


def _mistakes(word: str) -> list[tuple[int, int, str]]:
    """Start and end of each possible mistake, and the wrong letters. First letters stay as they are."""
    mistakes = [(m.start(), m.end(), m.group(1)) for m in _DOUBLED.finditer(word, 1)]
    mistakes += [(m.start(), m.end(), 2 * m.group()) for m in _AFTER_VOWEL.finditer(word, 1)]
    for right, wrong in _PAIRS:
        start = word.find(right, 1)
        if start >= 0:
            mistakes.append((start, start + len(right), wrong))
    return mistakes
