"""Synonyms in the place of words, and among them (Wei and Zou 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import check_number
from manyshot.augment.text.chinese import is_han
from manyshot.augment.text.text_op import WordOp, like, pick, portion
from manyshot.augment.text.wordnet import synonyms
from manyshot.augment.text.words import Words


@dataclass(frozen=True)
class Synonyms(WordOp):
    """Replace random words of each text by synonyms from WordNet: synonym replacement of EDA.

    Of n words, `max(1, share n)` are replaced, if so many have synonyms. A synonym comes from the two most frequent
    senses of each part of speech, not from all of them as in the paper's code, and an inflected word stays as it is.
    English only; it needs `pip install "manyshot[text]"`.

    Args:
        share: of words that are replaced; at least one is.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Synonyms().apply(["The car is here."], {"seed": torch.tensor([1])})
        ['The motorcar is here.']
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """Two numbers a word: which, and by what."""
        return 2 * min(portion(self.share, words.total), len(with_synonyms(words)))

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with these words replaced."""
        parts, count = words.parts.copy(), len(numbers) // 2
        for place, number in zip(pick(with_synonyms(words), count, numbers), numbers[count:], strict=True):
            parts[place] = _one_of(synonyms(parts[place].lower()), number, parts[place])
        return "".join(parts)


@dataclass(frozen=True)
class InsertWords(WordOp):
    """Put synonyms of random words of each text elsewhere into it: random insertion of EDA.

    With n words there are `max(1, share n)` insertions, each before a random word that is not next to an address, a
    placeholder or an emoji. English only; it needs `pip install "manyshot[text]"`.

    Args:
        share: of insertions among words; at least one is made.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> InsertWords().apply(["The car is here."], {"seed": torch.tensor([1])})
        ['The car is motorcar here.']
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """Three numbers an insertion: which word, by what, and where."""
        return 3 * portion(self.share, words.total) if _gaps(words) and with_synonyms(words) else 0

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with further words."""
        parts, known, gaps = words.parts.copy(), with_synonyms(words), _gaps(words)
        for which, what, where in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
            word = words.parts[known[int(which * len(known))]]
            place = gaps[int(where * len(gaps))]
            parts[place] = f"{_one_of(synonyms(word.lower()), what, word.lower())} {parts[place]}"
        return "".join(parts)


def with_synonyms(words: Words) -> list[int]:
    """The places of words that have synonyms."""
    return [place for place in range(1, len(words.parts), 2) if synonyms(words.parts[place].lower())]


def _gaps(words: Words) -> list[int]:
    """Before which words an English word may stand."""
    return [place for place in words.free if not is_han(words.parts[place])]


def _one_of(choices: Sequence[str], number: float, model: str) -> str:
    return like(choices[int(number * len(choices))], model)
