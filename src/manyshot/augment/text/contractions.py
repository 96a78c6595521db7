"""Contracted forms of English, and the same in full."""

from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import check_number
from manyshot.augment.text.text_op import WordOp, like, pick, portion
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
"""What two words are contracted to. Forms that may stand for either of two (`it's`, `I'd`) are left out."""
FULL = {short: " ".join(words) for words, short in CONTRACTED.items()} | {"can't": "cannot"}
"""What a contracted form is in full."""


@dataclass(frozen=True)
class Contract(WordOp):
    """Contract random pairs of words, and write contracted forms out: `do not` for `don't`, `we're` for `we are`.

    English only. Forms that may stand for either of two, such as `it's` or `I'd`, are left alone.

    Args:
        share: of such places that are changed; at least one is.

    Raises:
        InputError: for a share outside 0 to 1.

    Example:
        >>> import torch
        >>> Contract().apply(["I don't know what they are."], {"seed": torch.tensor([1])})
        ["I don't know what they're."]
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)

    def needs(self, words: Words) -> int:
        """One number a place."""
        return portion(self.share, len(_places(words)))

    def changed(self, words: Words, numbers: Sequence[float]) -> str:
        """The text with other forms at these places."""
        parts = words.parts.copy()
        for place in pick(_places(words), len(numbers), numbers):
            word = parts[place]
            full = FULL.get(_plain(word))
            if full:
                parts[place] = like(full, word)
            elif place + 2 < len(parts) and parts[place + 1] == " ":
                short = CONTRACTED.get((word.lower(), parts[place + 2].lower()))
                if short:
                    parts[place], parts[place + 1], parts[place + 2] = like(short, word), "", ""
        return "".join(parts)


def _places(words: Words) -> list[int]:
    """The places of contracted forms, and of words that may be contracted with the next."""
    parts, found = words.parts, []
    for place in range(1, len(parts), 2):
        pair = place + 2 < len(parts) and parts[place + 1] == " " and (parts[place].lower(), parts[place + 2].lower())
        if _plain(parts[place]) in FULL or (pair and pair in CONTRACTED):
            found.append(place)
    return found


def _plain(word: str) -> str:
    return word.lower().replace("’", "'")
