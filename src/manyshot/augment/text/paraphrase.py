"""Texts said in other words, by a sequence-to-sequence model or by way of another language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.characters import KEPT, OTHER, is_simple, may_hold_kept
from manyshot.augment.text.models import load, rewritten
from manyshot.augment.text.text_op import TextOp

_KEPT = re.compile(KEPT)


@dataclass(frozen=True)
class Paraphrase(TextOp):
    """Have a sequence-to-sequence model say each text in other words, drawn token by token.

    What Kumar, Choudhary and Cho (2020) do with a model tuned to the task, by one that is trained to paraphrase. A
    paraphrase that is empty, or lacks an address, a placeholder or an emoji of the text, is not taken: the text comes
    back as it was. It needs `pip install "manyshot[transformers]"`.

    Args:
        model: name on the hub, or folder, of a sequence-to-sequence model of transformers, trained to paraphrase.
        prefix: what the model wants in front of a text, such as "paraphrase: ".
        temperature: of the draws; 0 gives the most likely words.
        top: how many tokens are drawn from at each step.

    Raises:
        InputError: for a value out of range.

    Example:
        >>> Paraphrase("Vamsi/T5_Paraphrase_Paws", prefix="paraphrase: ").temperature
        1.0
    """

    model: str
    prefix: str = ""
    temperature: float = 1.0
    top: int = 50

    def __post_init__(self) -> None:
        check_number(self, "temperature", high=10)
        check_number(self, "top", low=1, high=10_000, whole=True)

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: if the model cannot be loaded.
        """
        model = load(self.model, "AutoModelForSeq2SeqLM")
        asked = [self.prefix + text for text in texts]
        return _if_whole(texts, rewritten(model, asked, params["seed"], self.temperature, self.top))


@dataclass(frozen=True)
class BackTranslate(TextOp):
    """Translate each text into another language and back (Sennrich, Haddow and Birch 2016; Yu et al. 2018).

    The way there is drawn token by token, the way back takes the most likely words. What lacks an address, a
    placeholder or an emoji of the text is not taken, as in `paraphrase`. It needs the same package.

    Args:
        there: name on the hub, or folder, of a translation model of transformers, such as Helsinki-NLP/opus-mt-en-de.
        back: of one the other way.
        temperature: of the draws; 0 gives the most likely words.
        top: how many tokens are drawn from at each step.

    Raises:
        InputError: for a value out of range.

    Example:
        >>> BackTranslate("Helsinki-NLP/opus-mt-en-de", "Helsinki-NLP/opus-mt-de-en").top
        50
    """

    there: str
    back: str
    temperature: float = 1.0
    top: int = 50

    def __post_init__(self) -> None:
        check_number(self, "temperature", high=10)
        check_number(self, "top", low=1, high=10_000, whole=True)

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: if a model cannot be loaded.
        """
        there, back = (load(name, "AutoModelForSeq2SeqLM") for name in (self.there, self.back))
        foreign = rewritten(there, texts, params["seed"], self.temperature, self.top)
        return _if_whole(texts, rewritten(back, foreign, params["seed"], 0.0, self.top))


def _if_whole(texts: Sequence[str], made: Sequence[str]) -> list[str]:
    """The made texts, or the given ones where something is missing that must stay whole."""
    return [new if new and _has_all(text, new) else text for text, new in zip(texts, made, strict=True)]


def _has_all(text: str, made: str) -> bool:
    kept = {match.group() for match in _KEPT.finditer(text)} if may_hold_kept(text) else set()
    others = set() if is_simple(text) else {text[m.start() : m.end()] for m in OTHER.finditer(text)}
    return all(made.count(whole) >= text.count(whole) for whole in kept | others)
