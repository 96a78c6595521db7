"""English contractions and their full forms."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.text.text_op import FractionOp, WordOp, count_of, match_case, pick_distinct
from manyshot.augment.text.words import Words

_NOT = [
    "are",
    "could",
    "did",
    "do",
    "does",
    "had",
    "has",
    "have",
    "is",
    "might",
    "must",
    "need",
    "should",
    "was",
    "were",
    "would",
]
_PRONOUNS = {
    "am": ["i"],
    "are": ["you", "we", "they"],
    "will": ["i", "you", "he", "she", "it", "we", "they"],
    "have": ["i", "you", "we", "they"],
}
CONTRACTED = {
    **{(verb, "not"): f"{verb}n't" for verb in _NOT},
    ("can", "not"): "can't",
    ("will", "not"): "won't",
    **{(pronoun, "am"): f"{pronoun}'m" for pronoun in _PRONOUNS["am"]},
    **{(pronoun, "are"): f"{pronoun}'re" for pronoun in _PRONOUNS["are"]},
    **{(pronoun, "will"): f"{pronoun}'ll" for pronoun in _PRONOUNS["will"]},
    **{(pronoun, "have"): f"{pronoun}'ve" for pronoun in _PRONOUNS["have"]},
    ("let", "us"): "let's",
}
"""The contraction of two words. Ambiguous contractions (`it's`, `I'd`) are left out."""
FULL = {short: " ".join(words) for words, short in CONTRACTED.items()} | {"can't": "cannot"}
"""The full form of a contraction."""


@dataclass(frozen=True)
class Contract(FractionOp, WordOp[list[int]]):
    """Contract random pairs of words and expand random contractions: `do not` for `don't`, `we're` for `we are`.

    English only. Ambiguous contractions, such as `it's` or `I'd`, are left alone, and so are verbs that end a clause
    (`what they are.`), which are not contracted.

    Args:
        fraction: Fraction of the contractions and pairs that are changed, at least one.

    Raises:
        InputError: For a fraction outside 0 to 1.

    Example:
        >>> import torch
        >>> Contract().apply(["I don't know what they are."], {"seed": torch.tensor([1])})
        ['I do not know what they are.']
    """

    fraction: float = 0.5

    def find(self, words: Words) -> list[int]:
        """The indices of contractions, and of words that may be contracted with the next word."""
        parts, indices = words.parts, []
        for index in range(1, len(parts), 2):
            pair = (
                index + 2 < len(parts) and parts[index + 1] == " " and (parts[index].lower(), parts[index + 2].lower())
            )
            may_contract = pair and pair in CONTRACTED and (pair[1] == "not" or parts[index + 3] == " ")
            if _normalize(parts[index]) in FULL or may_contract:
                indices.append(index)
        return indices

    def numbers_needed(self, words: Words, found: list[int]) -> int:
        """One number per change."""
        return count_of(self.fraction, len(found))

    def rewrite(self, words: Words, found: list[int], numbers: Sequence[float]) -> str:
        """The text with other forms."""
        parts = words.parts.copy()
        for index in pick_distinct(found, len(numbers), numbers):
            word = parts[index]
            full = FULL.get(_normalize(word))
            if full:
                parts[index] = match_case(full, word)
            elif index + 2 < len(parts) and parts[index + 1] == " ":
                short = CONTRACTED.get((word.lower(), parts[index + 2].lower()))
                if short:
                    parts[index], parts[index + 1], parts[index + 2] = match_case(short, word), "", ""
        return "".join(parts)


def _normalize(word: str) -> str:
    return word.lower().replace("’", "'")
