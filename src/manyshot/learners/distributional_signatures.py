"""Distributional signatures: attention to words by their rarity and informativeness (Bao et al. 2020)."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.learner import Classifier, Learner
from manyshot.learners.ridge import log_parameter, ridge_solve, with_one
from manyshot.nets.text_encoder import TextEncoder, Words
from manyshot.tasks import Examples

RARE = 1e-3
"""The epsilon in the rarity of words."""


class DistributionalSignatures(Learner):
    """Weight each word of a sentence by two statistics, and fit a ridge regression to the weighted means.

    s(w) = epsilon / (epsilon + P(w))                  how rare a word is in the training sentences
    t(w) = 1 / H(softmax(W v(w)))                      how certain a linear map W, fitted to the support, is of a class
    a = softmax over words of u . BiLSTM([s, t]),      phi(x) = sum_i a_i v(w_i),      logits = alpha [phi(q), 1] R

    v(w) is the context-free vector of a word. W is a ridge regression from the mean word vectors of the support to its
    labels, R is one from phi, both solved in closed form. The network takes only the two statistics, so what it learns
    does not depend on particular words and transfers to new classes.

    Where it differs from the paper: words are those of the encoder (word pieces with their embeddings for a
    transformer, hashed n-grams without one) instead of fastText's; P(w) is counted over the training tasks so far
    instead of over all training sentences; t is divided by the logarithm of the number of classes, so
    that it does not depend on it, and is at most 100.

    Args:
        encoder: Encoder of sentences, which also gives words and their vectors.
        hidden: Number of LSTM units in each direction.
        penalty: Initial value of the learned penalty lambda of both regressions.
        scale: Initial value of the learned alpha.

    Raises:
        InputError: If the encoder does not encode sentences, or `penalty` or `scale` is not a positive number.

    Example:
        >>> from manyshot.nets.ngrams import NGrams
        >>> learner = DistributionalSignatures(TextEncoder(NGrams(64)), hidden=8)
        >>> support = Examples.of([["play jazz", "pay my bill"]], torch.arange(2))
        >>> learner.adapt(support)([["play some music", "what is on my bill", "jazz"]]).shape
        torch.Size([1, 3, 2])
    """

    counts: Tensor

    def __init__(self, encoder: nn.Module, hidden: int = 50, penalty: float = 1.0, scale: float = 10.0) -> None:
        super().__init__()
        if not isinstance(encoder, TextEncoder):
            raise InputError("distributional-signatures weights words; use an encoder of sentences, such as minilm")
        self.encoder = encoder
        self.network = nn.LSTM(2, hidden, batch_first=True, bidirectional=True)
        self.attend = nn.Linear(2 * hidden, 1, bias=False)
        self.log_penalty = log_parameter("penalty", penalty)
        self.log_scale = log_parameter("scale", scale)
        self.register_buffer("counts", torch.zeros(encoder.vocabulary))

    def adapt(self, support: Examples) -> Classifier:
        """Fit both regressions of every task."""
        words = self._words(support.items, support.weight)
        tasks, n = support.weight.shape
        means = _means(words, words.mask.to(words.vectors.dtype)).reshape(tasks, n, -1)
        right = support.weight[..., None] * support.labels
        word_maps = ridge_solve(with_one(means), support.weight, right, self.log_penalty.exp())
        phi = self._phi(words, word_maps, support.class_mask)
        maps = ridge_solve(with_one(phi), support.weight, right, self.log_penalty.exp())

        def classify(queries: Any, weight: Tensor | None = None) -> Tensor:  # noqa: ANN401 - lists of sentences
            features = self._phi(self._words(queries, weight), word_maps, support.class_mask)
            logits: Tensor = self.log_scale.exp() * (with_one(features) @ maps)
            return logits.masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify

    def _words(self, items: Any, weight: Tensor | None) -> Words:  # noqa: ANN401 - lists of sentences
        """The words of all sentences, which are counted in training mode."""
        if isinstance(items, Tensor):
            raise InputError("distributional-signatures weights words, and these items are tensors; give it sentences")
        words = self.encoder.words([text for task in items for text in task])
        if self.training:
            real = words.mask if weight is None else words.mask & (weight.flatten() > 0)[:, None]
            self.counts += torch.bincount(words.ids[real], minlength=len(self.counts)).to(self.counts)
        return Words(words.vectors.to(self.log_scale.dtype), words.ids, words.mask)

    def _phi(
        self, words: Words, word_maps: Float[Tensor, "t e ways"], class_mask: Bool[Tensor, "t ways"]
    ) -> Float[Tensor, "t n d"]:
        """The weighted mean of each sentence's words."""
        tasks = len(word_maps)
        signatures = torch.stack([self.rarity(words.ids), self.informativeness(words, word_maps, class_mask)], -1)
        signatures = signatures * words.mask[..., None]
        lengths = words.mask.sum(1).clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(signatures, lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.network(packed)[0], batch_first=True, total_length=words.mask.shape[1]
        )
        weights = self.attend(states)[..., 0].masked_fill(~words.mask, -torch.inf)
        weights = weights.masked_fill(~words.mask.any(1, keepdim=True), 0).softmax(1)
        return _means(words, weights).reshape(tasks, -1, words.vectors.shape[-1])

    def rarity(self, ids: Int[Tensor, "n length"]) -> Float[Tensor, "n length"]:
        """s(w) of each word, which is 1 for unseen words.

        Args:
            ids: Vocabulary indices `[n, length]` of words.
        """
        rarity: Tensor = RARE / (RARE + self.counts[ids] / self.counts.sum().clamp(min=1))
        return rarity

    def informativeness(
        self, words: Words, word_maps: Float[Tensor, "t e ways"], class_mask: Bool[Tensor, "t ways"]
    ) -> Float[Tensor, "n length"]:
        """t(w) of each word, from 1 for an uninformative word to at most 100.

        Args:
            words: Words of n sentences.
            word_maps: Coefficients `[T, d + 1, ways]` of the regression W.
            class_mask: Mask `[T, ways]` of the classes of each task.
        """
        vectors = with_one(words.vectors.reshape(len(word_maps), -1, words.vectors.shape[-1]))
        logits = (self.log_scale.exp() * (vectors @ word_maps)).masked_fill(~class_mask[:, None], -torch.inf)
        probabilities = logits.softmax(-1)
        entropy = -torch.special.xlogy(probabilities, probabilities.clamp(min=1e-12)).sum(-1)
        normalized = entropy / class_mask.sum(-1, keepdim=True).clamp(min=2).to(entropy).log()
        informativeness: Tensor = 1 / normalized.clamp(min=0.01)
        return informativeness.reshape(words.mask.shape)


def _means(words: Words, weights: Float[Tensor, "n length"]) -> Float[Tensor, "n d"]:
    """Weighted means of word vectors; zeros for a sentence without words."""
    mass = weights.sum(1, keepdim=True).clamp(min=1e-12)
    return torch.einsum("nl,nld->nd", weights / mass, words.vectors)
