"""Replacement by synonyms and insertion of synonyms (Wei and Zou 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.chinese import is_han
from manyshot.augment.text.text_op import FractionOp, WordOp, count_of, match_case, pick_distinct
from manyshot.augment.text.wordnet import synonyms
from manyshot.augment.text.words import Words


@dataclass(frozen=True)
class Synonyms(FractionOp, WordOp):
    """Replace random words of each text by synonyms from WordNet: synonym replacement of EDA.

    Of n words, `max(1, fraction * n)` are replaced, if that many have synonyms. A synonym comes from the two most
    frequent senses of each part of speech, not from all of them as in the paper's code, and inflected words stay.
    English only; it needs `pip install "manyshot[text]"`.

    Args:
        fraction: Fraction of words that are replaced, at least one word.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Synonyms().apply(["The car is here."], {"seed": torch.tensor([1])})
        ['The motorcar is here.']
    """

    fraction: float = 0.1

    def numbers_needed(self, words: Words) -> int:
        """Two numbers per word: which word, and which synonym."""
        return 2 * min(count_of(self.fraction, words.total), len(replaceable(words)))

    def rewrite(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with some words replaced."""
        parts, count = words.parts.copy(), len(numbers) // 2
        for index, number in zip(pick_distinct(replaceable(words), count, numbers), numbers[count:], strict=True):
            parts[index] = _choose(synonyms(parts[index].lower()), number, parts[index])
        return "".join(parts)


@dataclass(frozen=True)
class InsertWords(FractionOp, WordOp):
    """Insert synonyms of random words of each text at random positions: random insertion of EDA.

    For n words there are `max(1, fraction * n)` insertions, each before a random word that is not next to an address, a
    placeholder or an emoji. English only; it needs `pip install "manyshot[text]"`.

    Args:
        fraction: Number of insertions, as a fraction of the number of words; at least one.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> InsertWords().apply(["The car is here."], {"seed": torch.tensor([1])})
        ['The car is motorcar here.']
    """

    fraction: float = 0.1

    def numbers_needed(self, words: Words) -> int:
        """Three numbers per insertion: of which word, which synonym, and where."""
        possible = _insertion_points(words) and replaceable(words)
        return 3 * count_of(self.fraction, words.total) if possible else 0

    def rewrite(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with more words."""
        parts, known, gaps = words.parts.copy(), replaceable(words), _insertion_points(words)
        for which, what, where in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
            word = words.parts[known[int(which * len(known))]]
            index = gaps[int(where * len(gaps))]
            parts[index] = f"{_choose(synonyms(word.lower()), what, word.lower())} {parts[index]}"
        return "".join(parts)


def replaceable(words: Words) -> list[int]:
    """The indices of words that have synonyms."""
    return [index for index in range(1, len(words.parts), 2) if synonyms(words.parts[index].lower())]


def _insertion_points(words: Words) -> list[int]:
    """The indices of words before which an English word may be inserted."""
    return [index for index in words.movable if not is_han(words.parts[index])]


def _choose(choices: Sequence[str], number: float, model: str) -> str:
    return match_case(choices[int(number * len(choices))], model)
