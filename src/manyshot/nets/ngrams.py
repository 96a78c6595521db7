"""Sentence vectors from character n-grams: an encoder without weights, for any language."""

import zlib
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.nets.text_encoder import TextEncoder, Words

LENGTHS = (1, 4)
"""Length of the shortest and the longest n-gram."""


class NGrams:
    """Hashed counts of character n-grams of lengths 1 to 4 within words, as unit vectors.

    r(s)_j = sum over n-grams g of s with h(g) = j of sign(g), divided by the length of the vector

    The hash (Weinberger et al. 2009) needs neither a vocabulary nor fitting, so a vector depends on its sentence alone.
    Case is ignored. Vectors reflect spelling, not meaning.

    Args:
        features: Length of a vector.

    Example:
        >>> read = NGrams(256)
        >>> near, far = (float(a @ b) for a, b in (read(["jazz music", "jazz musik"]), read(["jazz music", "my bill"])))
        >>> near > far
        True
    """

    vocabulary = 1 << 16
    """Number of hash values of words; a few words share one."""

    def __init__(self, features: int = 2048) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer  # it takes a second to import

        self.features = features
        settings = {"n_features": features, "norm": "l2", "alternate_sign": True, "lowercase": True}
        self._sentences = HashingVectorizer(analyzer="char_wb", ngram_range=LENGTHS, **settings)

    def __call__(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Encode sentences."""
        return torch.from_numpy(self._sentences.transform(texts).toarray()).float()

    def words(self, texts: Sequence[str]) -> Words:
        """Split sentences at spaces; a word has the vector of a sentence of this word alone."""
        rows = [text.lower().split() or [text] for text in texts]
        known = {word: index for index, word in enumerate(dict.fromkeys(word for row in rows for word in row))}
        vectors = self(list(known))
        numbers = torch.tensor([zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.vocabulary for word in known])
        length = max(map(len, rows))
        indices = torch.zeros(len(rows), length, dtype=torch.long)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for row, words in enumerate(rows):
            indices[row, : len(words)] = torch.tensor([known[word] for word in words])
            mask[row, : len(words)] = True
        return Words(vectors[indices] * mask[..., None], numbers[indices], mask)

    def fingerprint(self) -> str:
        """A text that identifies the settings."""
        return f"n-grams of {LENGTHS[0]} to {LENGTHS[1]} letters, {self.features} features"


class NGramEncoder(TextEncoder):
    """Counts of character n-grams, without weights, `ngrams(2048)`.

    Args:
        features: Length of the vector of counts.
        project: Output dimension of a linear map that is trained on top; 0 for none.

    Raises:
        InputError: If the number of features is not from 16 to 65,536.
    """

    def __init__(self, features: int = 2048, project: int = 0) -> None:
        self.check_options(features)
        super().__init__(NGrams(features), project)

    @staticmethod
    def check_options(features: int) -> None:
        """Check the length of vectors.

        Args:
            features: Length of the vector of counts.

        Raises:
            InputError: If the number of features is not from 16 to 65,536.
        """
        if not 16 <= features <= 65536:
            raise InputError(f"features={features}: give from 16 to 65536")
