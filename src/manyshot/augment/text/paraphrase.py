"""Paraphrases by a sequence-to-sequence model, or by translation into another language and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.characters import OTHER, PROTECTED, is_simple, may_hold_protected
from manyshot.augment.text.language_models import generate_texts, load
from manyshot.augment.text.text_op import TextOp

_PROTECTED = re.compile(PROTECTED)


class SampledTextOp(TextOp):
    """An op whose texts a model generates token by token, with the options `temperature` and `top_k`."""

    temperature: float
    top_k: int

    def __post_init__(self) -> None:
        check_number(self, "temperature", high=10)
        check_number(self, "top_k", low=1, high=10_000, whole=True)


@dataclass(frozen=True)
class Paraphrase(SampledTextOp):
    """Paraphrase each text with a sequence-to-sequence model, sampled token by token.

    Kumar, Choudhary and Cho (2020) use a model that is fine-tuned on the task; this takes one that is trained to
    paraphrase. A paraphrase that is empty, or lacks an address, a placeholder or an emoji of the text, is rejected: the
    text stays as it is. It needs `pip install "manyshot[transformers]"`.

    Args:
        model: Name on the hub, or folder, of a sequence-to-sequence model of transformers, trained to paraphrase.
        prefix: Text that the model expects in front of its input, such as "paraphrase: ".
        temperature: Temperature of the sampling; 0 gives the most likely words.
        top_k: Number of most likely tokens to sample from.

    Raises:
        InputError: For a value out of range.

    Example:
        >>> Paraphrase("Vamsi/T5_Paraphrase_Paws", prefix="paraphrase: ").temperature
        1.0
    """

    model: str
    prefix: str = ""
    temperature: float = 1.0
    top_k: int = 50

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: If the model cannot be loaded.
        """
        model = load(self.model, "AutoModelForSeq2SeqLM")
        inputs = [self.prefix + text for text in texts]
        return _unless_broken(texts, generate_texts(model, inputs, params["seed"], self.temperature, self.top_k))


@dataclass(frozen=True)
class BackTranslate(SampledTextOp):
    """Translate each text into another language and back (Sennrich, Haddow and Birch 2016; Yu et al. 2018).

    The first translation is sampled token by token, the second takes the most likely words. A result that lacks an
    address, a placeholder or an emoji of the text is rejected, as in `paraphrase`. It needs the same package.

    Args:
        forward: Name on the hub, or folder, of a translation model of transformers, such as Helsinki-NLP/opus-mt-en-de.
        backward: The same for the model of the opposite direction.
        temperature: Temperature of the sampling; 0 gives the most likely words.
        top_k: Number of most likely tokens to sample from.

    Raises:
        InputError: For a value out of range.

    Example:
        >>> BackTranslate("Helsinki-NLP/opus-mt-en-de", "Helsinki-NLP/opus-mt-de-en").top_k
        50
    """

    forward: str
    backward: str
    temperature: float = 1.0
    top_k: int = 50

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed.

        Raises:
            InputError: If a model cannot be loaded.
        """
        forward, backward = (load(name, "AutoModelForSeq2SeqLM") for name in (self.forward, self.backward))
        foreign = generate_texts(forward, texts, params["seed"], self.temperature, self.top_k)
        return _unless_broken(texts, generate_texts(backward, foreign, params["seed"], 0.0, self.top_k))


def _unless_broken(texts: Sequence[str], generated: Sequence[str]) -> list[str]:
    """The generated texts, or the given ones where something that must stay whole is missing."""
    return [new if new and _keeps_protected(text, new) else text for text, new in zip(texts, generated, strict=True)]


def _keeps_protected(text: str, generated: str) -> bool:
    kept = {match.group() for match in _PROTECTED.finditer(text)} if may_hold_protected(text) else set()
    others = set() if is_simple(text) else {text[m.start() : m.end()] for m in OTHER.finditer(text)}
    return all(generated.count(whole) >= text.count(whole) for whole in kept | others)
