"""Words replaced by the predictions of a masked language model (Kobayashi 2018; Wu et al. 2019)."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from manyshot.augment.ops.op import Params, check_number
from manyshot.augment.text.chinese_tools import is_han
from manyshot.augment.text.language_models import BATCH_SIZE, Model, load, max_tokens
from manyshot.augment.text.text_op import TextOp, count_of, draw_numbers, match_case, pick_distinct
from manyshot.augment.text.words import Words, split_words

MOST_CHARACTERS = 4
"""Number of random numbers per word: the characters of a Han word are replaced one by one."""


@dataclass(frozen=True)
class MaskWords(TextOp):
    """Replace random words of each text by other words that a masked language model predicts there.

    Of n words, `max(1, fraction * n)` are masked together; each is drawn from the `top_k` most likely tokens that are
    whole words, by their probabilities. Han words are replaced character by character. Unlike the conditional models
    of the papers, the model does not see the label. It needs `pip install "manyshot[transformers]"`.

    Args:
        model: Name on the hub, or folder, of a masked language model of transformers.
        fraction: Fraction of words that are replaced, at least one word.
        top_k: Number of most likely tokens to draw from.

    Raises:
        InputError: For a value out of range.

    Example:
        >>> MaskWords("bert-base-uncased", fraction=0.2)
        MaskWords(model='bert-base-uncased', fraction=0.2, top_k=20)
    """

    model: str
    fraction: float = 0.15
    top_k: int = 20

    def __post_init__(self) -> None:
        check_number(self, "fraction", high=1)
        check_number(self, "top_k", low=1, high=1000, whole=True)

    def apply(self, texts: list[str], params: Params) -> list[str]:
        """Change n texts, each by its own seed; a text that is too long for the model stays as it is.

        Raises:
            InputError: If the model cannot be loaded.
        """
        model = load(self.model, "AutoModelForMaskedLM")
        split = [split_words(text) for text in texts]
        indices = [[index for index in words.indices if index in set(words.movable)] for words in split]
        counts = [
            min(count_of(self.fraction, words.total), len(some)) for words, some in zip(split, indices, strict=True)
        ]
        drawn = draw_numbers(params["seed"], [count * (1 + MOST_CHARACTERS) for count in counts])
        chosen = [
            sorted(pick_distinct(some, n, numbers)) for some, n, numbers in zip(indices, counts, drawn, strict=True)
        ]
        changed = list(texts)
        order = sorted((index for index in range(len(texts)) if counts[index]), key=lambda index: len(texts[index]))
        for start in range(0, len(order), BATCH_SIZE):
            some = order[start : start + BATCH_SIZE]
            for index, scores in zip(some, _mask_scores(model, [(split[k], chosen[k]) for k in some]), strict=True):
                if scores is not None:
                    numbers = drawn[index][counts[index] :]
                    changed[index] = self._fill_masks(model, split[index], chosen[index], scores, numbers)
        return changed

    def _fill_masks(
        self, model: Model, words: Words, indices: list[int], scores: Float[Tensor, "masks v"], numbers: list[float]
    ) -> str:
        """The text with a token drawn for each mask."""
        parts, mask = words.parts.copy(), iter(scores)
        for rank, index in enumerate(indices):
            word, own = parts[index], numbers[MOST_CHARACTERS * rank : MOST_CHARACTERS * (rank + 1)]
            if is_han(word):
                generated = [self._draw_token(model, next(mask), old, own[k % len(own)]) for k, old in enumerate(word)]
                parts[index] = "".join(generated)
            else:
                parts[index] = match_case(self._draw_token(model, next(mask), word, own[0]), word)
        return "".join(parts)

    def _draw_token(self, model: Model, scores: Float[Tensor, "v"], old: str, number: float) -> str:
        """Draw one of the most likely other tokens of the same script; the old token if there is none."""
        texts, latin, han = _vocabulary(self.model)
        best = scores.masked_fill(~(han if is_han(old) else latin), -torch.inf).topk(min(self.top_k + 1, len(scores)))
        tokens = [texts[token] for token in best.indices.tolist()]
        probabilities = best.values.softmax(-1).double().tolist()
        pairs: list[tuple[str, float]] = list(zip(tokens, probabilities, strict=True))
        kept = [(token, weight) for token, weight in pairs if weight > 0 and token.lower() != old.lower()][: self.top_k]
        left = number * sum(weight for _, weight in kept)
        for token, weight in kept:
            left -= weight
            if left < 0:
                return token
        return kept[-1][0] if kept else old


@torch.no_grad()
def _mask_scores(model: Model, some: list[tuple[Words, list[int]]]) -> list[Float[Tensor, "masks v"] | None]:
    """For each text, the scores of all tokens at the masks of its words; None if the text is too long."""
    sign = model.tokenizer.mask_token
    texts, inserted = [], []
    for words, indices in some:
        parts, masks = words.parts.copy(), []
        for index, part in enumerate(words.parts):
            if index in indices:
                count = len(part) if is_han(part) else 1
                parts[index] = sign * count
                masks += [True] * count
            else:
                masks += [False] * part.count(sign)
        texts.append("".join(parts))
        inserted.append(torch.tensor(masks))
    tokens = model.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=max_tokens(model))
    scores = model.net(**tokens).logits
    rows = [row[ids == model.tokenizer.mask_token_id] for row, ids in zip(scores, tokens["input_ids"], strict=True)]
    return [row[mask] if len(row) == len(mask) else None for row, mask in zip(rows, inserted, strict=True)]


@lru_cache(maxsize=4)
def _vocabulary(name: str) -> tuple[list[str], Bool[Tensor, "v"], Bool[Tensor, "v"]]:
    """The text of each token, which are whole words without Han characters, and which are single Han characters."""
    model = load(name, "AutoModelForMaskedLM")
    size = model.net.get_output_embeddings().weight.shape[0]
    special = set(model.tokenizer.all_special_ids)
    names = [model.tokenizer.convert_ids_to_tokens(token) or "" for token in range(size)]
    # Tokenizers that keep spaces mark the tokens that begin a word with a sign.
    spaced = any(name[:1] in "Ġ▁" and len(name) > 1 for name in names)
    texts = [name.lstrip("Ġ▁") for name in names]
    plain = [text.isalpha() and index not in special for index, text in enumerate(texts)]
    han = [good and len(text) == 1 and is_han(text) for good, text in zip(plain, texts, strict=True)]
    begins = [not spaced or name[:1] in "Ġ▁" for name in names]
    latin = [good and word and not is_han(text) for good, word, text in zip(plain, begins, texts, strict=True)]
    return texts, torch.tensor(latin), torch.tensor(han)
