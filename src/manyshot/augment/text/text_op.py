"""The base classes of ops on texts: params are one seed per text, and all choices follow from the seed and the text."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from jaxtyping import Int
from torch import Generator, Tensor

from manyshot.augment.ops.op import Op, Params, check_number, seeds
from manyshot.augment.text.chinese_tools import is_han
from manyshot.augment.text.words import Words, split_words
from manyshot.base import InputError
from manyshot.base.remember import Remembered
from manyshot.base.seeds import uniform

Found = TypeVar("Found", bound=Sequence[Any])


class TextOp(Op):
    """An op on texts; every text op is a frozen dataclass of numbers and strings.

    Its params are seeds, so that they fit texts of any length and wording, and a text is changed in the same way
    whatever the other texts of the batch are.
    """

    takes: ClassVar[tuple[str, ...]] = ("texts",)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`."""
        return {"seed": seeds(n, generator)}

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse items that are not a list of texts.

        Raises:
            InputError: Naming the op and the type of the items.
        """
        if not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
            raise InputError(f"{type(self).__name__}: {type(items).__name__}: give a text, or a list of texts")

    @abstractmethod
    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: If a package that the op needs is missing.
        """


class FractionOp(TextOp):
    """An op that changes a fraction of the words, characters or numbers of a text: its option `fraction`."""

    fraction: float

    def __post_init__(self) -> None:
        check_number(self, "fraction", high=1)


class WordOp(TextOp, Generic[Found]):
    """An op that changes the words of a text.

    What it finds in a text, such as the words that it may change, is remembered, since in training the same texts are
    changed again and again. So ops on words are hashable.
    """

    segmented: ClassVar[bool] = True
    """Whether runs of Han characters are segmented into words."""

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; a text in which nothing can be changed stays as it is."""
        known = known_texts(self)
        split = [known[text] for text in texts]
        drawn = draw_numbers(params["seed"], [count for _, _, count in split])
        rewrite = self.rewrite
        return [
            rewrite(words, found, numbers) if numbers else text
            for text, (words, found, _), numbers in zip(texts, split, drawn, strict=True)
        ]

    @abstractmethod
    def find(self, words: Words) -> Found:
        """What the op may change, such as indices of words; empty if the text cannot be changed."""

    @abstractmethod
    def numbers_needed(self, words: Words, found: Found) -> int:
        """The number of random numbers that a change of the text takes; 0 if it cannot be changed."""

    @abstractmethod
    def rewrite(self, words: Words, found: Found, numbers: Sequence[float]) -> str:
        """The changed text, given what was found in it and as many numbers from 0 to 1 as it needs."""


@lru_cache(maxsize=16)
def known_texts(op: WordOp[Found]) -> Remembered[tuple[Words, Found, int]]:
    """For each text its words, what an op finds in them, and how many numbers a change takes."""

    def look(text: str) -> tuple[Words, Found, int]:
        words = split_words(text, op.segmented)
        found = op.find(words)
        return words, found, op.numbers_needed(words, found) if found else 0

    return Remembered(look, most=500_000)


NEGATIONS = "no not never none nobody nothing nowhere nor neither without cannot n't 不 没 无 非 未 别"
"""Words that stay by default, since a text without them, or with them elsewhere, may belong to another class."""


class KeepingOp(FractionOp, WordOp[Found]):
    """An op on words that leaves some words alone: its option `keep`."""

    keep: str

    def free(self, words: Words, indices: Sequence[int]) -> list[int]:
        """The indices of words that may change.

        Args:
            words: A text.
            indices: Indices of some of its words.
        """
        kept, parts = words_to_keep(self.keep), words.parts
        return [index for index in indices if not kept[parts[index]]]


@lru_cache(maxsize=16)
def words_to_keep(keep: str) -> Remembered[bool]:
    """Whether a word, in any case, is one of those to leave alone.

    Args:
        keep: Words with spaces between them. "n't" is every word that ends with it, and Han characters are every Han
            word that begins with them.

    Example:
        >>> kept = words_to_keep(NEGATIONS)
        >>> kept["Never"], kept["isn't"], kept["不要"], kept["tea"]
        (True, True, True, False)
    """
    whole = frozenset(keep.casefold().split())
    ends = ("n't",) if "n't" in whole else ()
    starts = tuple(filter(is_han, whole))

    def is_kept(word: str) -> bool:
        plain = word.casefold().replace("’", "'")
        return plain in whole or plain.endswith(ends) or plain.startswith(starts)

    return Remembered(is_kept, most=500_000)


def draw_numbers(seed: Int[Tensor, "n"], counts: Sequence[int]) -> list[list[float]]:
    """Draw uniform numbers from 0 to 1 for each seed.

    Args:
        seed: One seed per text.
        counts: Number of random numbers per text.

    Example:
        >>> import torch
        >>> first, second = draw_numbers(torch.tensor([5, 5]), [2, 3])
        >>> first == second[:2], len(second)
        (True, 3)
    """
    ends = np.cumsum(counts, dtype=np.int64)
    if not len(ends) or not ends[-1]:
        return [[] for _ in counts]
    position = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    numbers = uniform(np.repeat(seed.numpy(), counts), position).tolist()
    return [numbers[end - count : end] for end, count in zip(ends.tolist(), counts, strict=True)]


def count_of(fraction: float, count: int) -> int:
    """The number of things that a fraction of `count` things is: at least one, unless there are none.

    Example:
        >>> count_of(0.1, 35), count_of(0.1, 4), count_of(0.1, 0)
        (3, 1, 0)
    """
    return min(count, max(1, int(fraction * count)))


def pick_distinct(indices: Sequence[int], count: int, numbers: Sequence[float]) -> list[int]:
    """Pick different indices, one per number from 0 to 1.

    Example:
        >>> pick_distinct([1, 3, 5], 2, [0.0, 0.9])
        [1, 3]
    """
    if count == 1:
        return [indices[int(numbers[0] * len(indices))]]
    left, picked = list(indices), []
    for number in numbers[:count]:
        index = int(number * len(left))
        picked.append(left[index])
        left[index] = left[-1]
        left.pop()
    return picked


def match_case(word: str, model: str) -> str:
    """Write a word in the case of another word.

    Example:
        >>> match_case("vast", "Big"), match_case("vast", "BIG"), match_case("vast", "big")
        ('Vast', 'VAST', 'vast')
    """
    if model[0].isupper():
        return word.upper() if len(model) > 1 and model.isupper() else word[0].upper() + word[1:]
    return word
