"""Replacement by synonyms and insertion of synonyms (Wei and Zou 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.chinese_tools import is_han
from manyshot.augment.text.reword_rules import fix_article
from manyshot.augment.text.text_op import (
    NEGATIONS,
    FractionOp,
    KeepingOp,
    WordOp,
    count_of,
    match_case,
    pick_distinct,
)
from manyshot.augment.text.wordnet import synonyms
from manyshot.augment.text.words import Words

NO_VERB_BEHIND = frozenset(["a", "an", "the", "this", "that", "these", "those", "my", "your", "our", "their", "no"])
NO_NOUN_BEHIND = frozenset(
    ["i", "you", "we", "they", "can", "could", "will", "would", "should", "may", "might", "must"]
)
"""Words behind which another word is hardly ever of this part of speech."""
SENTENCE_ENDS = frozenset(".!?:\n")


@dataclass(frozen=True)
class Synonyms(KeepingOp[list[int]]):
    """Replace random words of each text by synonyms from WordNet: synonym replacement of EDA.

    Of n words, `max(1, fraction * n)` are replaced, if that many have synonyms. Unlike in the paper's code, which takes
    any sense of a word, only words have synonyms whose meaning hardly depends on the sentence: nearly all of their
    occurrences in tagged texts are of one part of speech, and most of one sense (see `wordnet.synonyms`). Inflected
    words stay. English only; it needs `pip install "manyshot[text]"`.

    Args:
        fraction: Fraction of words that are replaced, at least one word.
        keep: Words that are left alone, with spaces between them; negations by default.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Synonyms().apply(["The car is here."], {"seed": torch.tensor([1])})
        ['The automobile is here.']
    """

    fraction: float = 0.1
    keep: str = NEGATIONS

    def find(self, words: Words) -> list[int]:
        """The indices of words that have synonyms."""
        return self.free(words, replaceable(words))

    def numbers_needed(self, words: Words, found: list[int]) -> int:
        """Two numbers per word: which word, and which synonym."""
        return 2 * min(count_of(self.fraction, words.total), len(found))

    def rewrite(self, words: Words, found: list[int], numbers: Sequence[float]) -> str:
        """The text with some words replaced."""
        parts, count = words.parts.copy(), len(numbers) // 2
        for index, number in zip(pick_distinct(found, count, numbers), numbers[count:], strict=True):
            _put(parts, index, _choose(fitting(words, index), number, words.parts[index]))
        return "".join(parts)


@dataclass(frozen=True)
class InsertWords(FractionOp, WordOp[list[int]]):
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
        ['The car is automobile here.']
    """

    fraction: float = 0.1

    def find(self, words: Words) -> list[int]:
        """The indices of words that have synonyms, where there is a place to insert one."""
        return replaceable(words) if _insertion_points(words) else []

    def numbers_needed(self, words: Words, found: list[int]) -> int:
        """Three numbers per insertion: of which word, which synonym, and where."""
        return 3 * count_of(self.fraction, words.total)

    def rewrite(self, words: Words, found: list[int], numbers: Sequence[float]) -> str:
        """The text with more words."""
        parts, gaps = words.parts.copy(), _insertion_points(words)
        for which, what, where in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
            source = found[int(which * len(found))]
            index = gaps[int(where * len(gaps))]
            _put(parts, index, f"{_choose(fitting(words, source), what, words.parts[source].lower())} {parts[index]}")
        return "".join(parts)


def replaceable(words: Words) -> list[int]:
    """The indices of words that have synonyms; words with a capital inside a sentence are names, and have none.

    Args:
        words: A text.
    """
    return [
        index
        for index in range(1, len(words.parts), 2)
        if synonyms(words.parts[index].lower()).names
        and not _is_part_of_name(words.parts, index)
        and fitting(words, index)
    ]


def fitting(words: Words, index: int) -> tuple[str, ...]:
    """The synonyms of a word that fit behind the word before it.

    Args:
        words: A text.
        index: Index of the word.

    Example:
        >>> from manyshot.augment.text.words import split_words
        >>> fitting(split_words("my car"), 3), fitting(split_words("the buy"), 3)
        (('automobile',), ())
    """
    part, names = synonyms(words.parts[index].lower())
    before = words.parts[index - 2].lower() if index > 1 and words.parts[index - 1] == " " else ""
    if (part == "verb" and before in NO_VERB_BEHIND) or (part == "noun" and before in NO_NOUN_BEHIND):
        return ()
    return names


def _is_part_of_name(parts: Sequence[str], index: int) -> bool:
    """Whether a word has a capital that neither opens a sentence nor belongs to a text in capitals."""
    word = parts[index]
    if not word[0].isupper() or index == 1:
        return False
    return SENTENCE_ENDS.isdisjoint(parts[index - 1]) and not "".join(parts).isupper()


def _put(parts: list[str], index: int, word: str) -> None:
    """Put a word in; a or an before it follows."""
    parts[index] = word
    if index > 1 and parts[index - 1] == " ":
        parts[index - 2] = fix_article(f"{parts[index - 2]} ", word)[:-1]


def _insertion_points(words: Words) -> list[int]:
    """The indices of words before which an English word may be inserted."""
    return [index for index in words.movable if not is_han(words.parts[index])]


def _choose(choices: Sequence[str], number: float, model: str) -> str:
    return match_case(choices[int(number * len(choices))], model)
