"""What an op on texts is: a seed a text is drawn, and every choice follows from the seed and the text."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int
from torch import Generator, Tensor

from manyshot.augment.ops.op import Op, Params, seeds
from manyshot.augment.text.words import Words, words_of
from manyshot.base import InputError
from manyshot.base.seeds import uniform


class TextOp(Op):
    """An op whose items are texts. Every text op is a frozen dataclass of plain numbers and strings.

    Its params are seeds, so that they fit texts of any length and any wording; a text is changed the same way whatever
    its neighbours are.
    """

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `seed [n]`."""
        return {"seed": seeds(n, generator)}

    def check(self, items: Any) -> None:  # noqa: ANN401 - whatever a caller has
        """Refuse what is no list of texts.

        Raises:
            InputError: naming the op and what it was given.
        """
        if not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
            raise InputError(f"{type(self).__name__}: {type(items).__name__}: give a text, or a list of texts")

    @abstractmethod
    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: if a package is missing that the op needs.
        """


class WordOp(TextOp):
    """An op that changes the words of a text."""

    segmented: ClassVar[bool] = True
    """Whether runs of Han characters are segmented."""

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; one in which nothing can be changed comes back as it is."""
        known = {text: words_of(text, self.segmented) for text in texts}
        found = [known[text] for text in texts]
        counts = [self.needs(words) for words in found]
        drawn = draws(params["seed"], counts)
        return [
            self.changed(words, numbers) if numbers else text
            for text, words, numbers in zip(texts, found, drawn, strict=True)
        ]

    @abstractmethod
    def needs(self, words: Words) -> int:
        """How many random numbers the change of a text takes; 0 if it cannot be changed."""

    @abstractmethod
    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The changed text, by as many numbers from 0 to 1 as it needs."""


def draws(seed: Int[Tensor, "n"], counts: Sequence[int]) -> list[list[float]]:
    """So many uniform numbers for each seed.

    Args:
        seed: one a text.
        counts: how many numbers for each.

    Example:
        >>> import torch
        >>> first, second = draws(torch.tensor([5, 5]), [2, 3])
        >>> first == second[:2], len(second)
        (True, 3)
    """
    ends = np.cumsum(counts, dtype=np.int64)
    if not len(ends) or not ends[-1]:
        return [[] for _ in counts]
    place = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    numbers = uniform(np.repeat(seed.numpy(), counts), place).tolist()
    return [numbers[end - count : end] for end, count in zip(ends.tolist(), counts, strict=True)]


def portion(share: float, count: int) -> int:
    """How many of so many make up a share: at least one, if there is any.

    Example:
        >>> portion(0.1, 35), portion(0.1, 4), portion(0.1, 0)
        (3, 1, 0)
    """
    return min(count, max(1, int(share * count)))


def pick(places: Sequence[int], count: int, numbers: Sequence[float]) -> list[int]:
    """So many different ones of some places, by one number each.

    Example:
        >>> pick([1, 3, 5], 2, [0.0, 0.9])
        [1, 3]
    """
    left, found = list(places), []
    for number in numbers[:count]:
        place = int(number * len(left))
        found.append(left[place])
        left[place] = left[-1]
        left.pop()
    return found


def like(word: str, model: str) -> str:
    """A word in the case of another.

    Example:
        >>> like("vast", "Big"), like("vast", "BIG"), like("vast", "big")
        ('Vast', 'VAST', 'vast')
    """
    if model[0].isupper():
        return word.upper() if len(model) > 1 and model.isupper() else word[0].upper() + word[1:]
    return word
