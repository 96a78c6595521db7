"""Words that a masked language model would write in the place of others (Kobayashi 2018; Wu et al. 2019)."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.chinese import is_han
from manyshot.augment.text.models import AT_ONCE, Model, load, longest
from manyshot.augment.text.text_op import TextOp, draws, like, pick, portion
from manyshot.augment.text.words import Words, words_of

MOST_CHARACTERS = 4
"""Of a Han word that is replaced, character by character."""


@dataclass(frozen=True)
class MaskWords(TextOp):
    """Replace random words of each text by what a masked language model expects there, and not the word itself.

    Of n words, `max(1, share n)` are masked together; each is drawn from the `top` most likely tokens that are whole
    words, by their probabilities. Han words are replaced character by character. The label plays no part, unlike in
    the conditional models of the papers. It needs `pip install "manyshot[transformers]"`.

    Args:
        model: name on the hub, or folder, of a masked language model of transformers.
        share: of words that are replaced; at least one is.
        top: how many tokens are drawn from.

    Raises:
        InputError: for a value out of range.

    Example:
        >>> MaskWords("bert-base-uncased", share=0.2)
        MaskWords(model='bert-base-uncased', share=0.2, top=20)
    """

    model: str
    share: float = 0.15
    top: int = 20

    def __post_init__(self) -> None:
        check_number(self, "share", high=1)
        check_number(self, "top", low=1, high=1000, whole=True)

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; one that is too long for the model comes back as it is.

        Raises:
            InputError: if the model cannot be loaded.
        """
        model = load(self.model, "AutoModelForMaskedLM")
        found = [words_of(text) for text in texts]
        places = [[place for place in words.places if place in set(words.free)] for words in found]
        counts = [min(portion(self.share, words.total), len(some)) for words, some in zip(found, places, strict=True)]
        drawn = draws(params["seed"], [count * (1 + MOST_CHARACTERS) for count in counts])
        chosen = [sorted(pick(some, n, numbers)) for some, n, numbers in zip(places, counts, drawn, strict=True)]
        changed = list(texts)
        order = sorted((place for place in range(len(texts)) if counts[place]), key=lambda place: len(texts[place]))
        for start in range(0, len(order), AT_ONCE):
            some = order[start : start + AT_ONCE]
            for place, scores in zip(some, _scores(model, [(found[k], chosen[k]) for k in some]), strict=True):
                if scores is not None:
                    numbers = drawn[place][counts[place] :]
                    changed[place] = self._filled(model, found[place], chosen[place], scores, numbers)
        return changed

    def _filled(
        self, model: Model, words: Words, places: list[int], scores: Float[Tensor, "masks v"], numbers: list[float]
    ) -> str:
        """The text with a token drawn for each mask."""
        parts, mask = words.parts.copy(), iter(scores)
        for rank, place in enumerate(places):
            word, own = parts[place], numbers[MOST_CHARACTERS * rank : MOST_CHARACTERS * (rank + 1)]
            if is_han(word):
                made = [self._token(model, next(mask), old, own[k % len(own)]) for k, old in enumerate(word)]
                parts[place] = "".join(made)
            else:
                parts[place] = like(self._token(model, next(mask), word, own[0]), word)
        return "".join(parts)

    def _token(self, model: Model, scores: Float[Tensor, "v"], old: str, number: float) -> str:
        """One of the most likely tokens of the same script that is not the old one; the old one if there is none."""
        texts, latin, han = _vocabulary(self.model)
        best = scores.masked_fill(~(han if is_han(old) else latin), -torch.inf).topk(min(self.top + 1, len(scores)))
        tokens = [texts[token] for token in best.indices.tolist()]
        shares = best.values.softmax(-1).double().tolist()
        pairs: list[tuple[str, float]] = list(zip(tokens, shares, strict=True))
        kept = [(token, share) for token, share in pairs if share > 0 and token.lower() != old.lower()][: self.top]
        left = number * sum(share for _, share in kept)
        for token, share in kept:
            left -= share
            if left < 0:
                return token
        return kept[-1][0] if kept else old


@torch.no_grad()
def _scores(model: Model, some: list[tuple[Words, list[int]]]) -> list[Float[Tensor, "masks v"] | None]:
    """Of each text, the scores of all tokens at the masks that stand for words; None where it is too long."""
    sign = model.tokenizer.mask_token
    texts, ours = [], []
    for words, places in some:
        parts, masks = words.parts.copy(), []
        for place, part in enumerate(words.parts):
            if place in places:
                count = len(part) if is_han(part) else 1
                parts[place] = sign * count
                masks += [True] * count
            else:
                masks += [False] * part.count(sign)
        texts.append("".join(parts))
        ours.append(torch.tensor(masks))
    tokens = model.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=longest(model))
    scores = model.net(**tokens).logits
    found = [row[ids == model.tokenizer.mask_token_id] for row, ids in zip(scores, tokens["input_ids"], strict=True)]
    return [row[mask] if len(row) == len(mask) else None for row, mask in zip(found, ours, strict=True)]


@lru_cache(maxsize=4)
def _vocabulary(name: str) -> tuple[list[str], Bool[Tensor, "v"], Bool[Tensor, "v"]]:
    """The text of each token, and which are whole words without Han characters, and single Han characters."""
    model = load(name, "AutoModelForMaskedLM")
    size = model.net.get_output_embeddings().weight.shape[0]
    special = set(model.tokenizer.all_special_ids)
    names = [model.tokenizer.convert_ids_to_tokens(token) or "" for token in range(size)]
    # Tokenizers that keep spaces mark with a sign of their own the tokens that begin a word.
    spaced = any(name[:1] in "Ġ▁" and len(name) > 1 for name in names)
    texts = [name.lstrip("Ġ▁") for name in names]
    plain = [text.isalpha() and place not in special for place, text in enumerate(texts)]
    han = [good and len(text) == 1 and is_han(text) for good, text in zip(plain, texts, strict=True)]
    begins = [not spaced or name[:1] in "Ġ▁" for name in names]
    latin = [good and word and not is_han(text) for good, word, text in zip(plain, begins, texts, strict=True)]
    return texts, torch.tensor(latin), torch.tensor(han)
