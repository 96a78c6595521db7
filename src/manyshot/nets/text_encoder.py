"""The base class of sentence encoders."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from manyshot.base import InputError

MAX_CACHE_BYTES = 1 << 28
"""Largest size of the cache of sentence vectors of a frozen encoder, in bytes."""


@dataclass(frozen=True, eq=False)
class Words:
    """Sentences as words, for methods that weight each word.

    Args:
        vectors: Context-free vectors of the words, `[n, length, d]`; zeros after the end of a sentence.
        ids: Index of each word in the vocabulary, `[n, length]`.
        mask: False after the end of a sentence, `[n, length]`.
    """

    vectors: Float[Tensor, "n length d"]
    ids: Int[Tensor, "n length"]
    mask: Bool[Tensor, "n length"]


@runtime_checkable
class Reader(Protocol):
    """Maps sentences to vectors; a module if it has weights."""

    features: int
    """Dimension of the vectors."""
    vocabulary: int
    """Size of the vocabulary."""

    def __call__(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Encode sentences."""
        ...

    def words(self, texts: Sequence[str]) -> Words:
        """Split sentences into words."""
        ...

    def fingerprint(self) -> str:
        """A text that changes if any vector may change."""
        ...


class TextEncoder(nn.Module):
    """Encode sentences by a reader, frozen or trained, and optionally a linear map that is trained.

    f(s) = P r(s), where P starts as the identity

    The vectors of a frozen reader are cached by sentence. A frozen reader is not part of the weights that a run stores:
    the run names it, and cannot be loaded if the reader of that name has changed.

    Args:
        reader: Maps n sentences to vectors `[n, d]`.
        project: Number of rows of P; 0 for no linear map.
        frozen: Whether the reader is not trained; if it is, it must be an `nn.Module`.

    Raises:
        InputError: If `project` is negative.

    Example:
        >>> from manyshot.nets.ngrams import NGrams
        >>> encoder = TextEncoder(NGrams(64))
        >>> encoder(["what is my balance", "play some jazz"]).shape, encoder.features
        (torch.Size([2, 64]), 64)
    """

    takes: ClassVar[str] = "text"
    """What it encodes; encoders without this attribute take images."""

    identity: Tensor

    def __init__(self, reader: Reader, project: int = 0, frozen: bool = True) -> None:
        super().__init__()
        if project < 0:
            raise InputError(f"project={project}: give the length of the new vectors, or 0 for none")
        if frozen:
            self._aside = [reader]  # in a list, so that it is not registered as a submodule
            digest = hashlib.sha256(reader.fingerprint().encode()).digest()[:8]
            self.register_buffer("identity", torch.frombuffer(bytearray(digest), dtype=torch.uint8))
            if isinstance(reader, nn.Module):
                reader.requires_grad_(False).eval()
        else:
            self.reader = reader
        self.frozen = frozen
        self.project = nn.Linear(reader.features, project, bias=False) if project else None
        if self.project is not None:
            nn.init.eye_(self.project.weight)
        self.features = project or reader.features
        self._cache: dict[str, Tensor] = {}

    @property
    def current_reader(self) -> Any:  # noqa: ANN401 - a Reader
        """The reader, frozen or not."""
        return self._aside[0] if self.frozen else self.reader

    @property
    def is_fixed(self) -> bool:
        """Whether a sentence's features are always the same."""
        return self.frozen and self.project is None

    def forward(self, texts: Any) -> Float[Tensor, "n d"]:  # noqa: ANN401 - checked to be sentences
        """Encode sentences.

        Raises:
            InputError: If the items are not sentences.
        """
        if isinstance(texts, Tensor):
            raise InputError("an encoder of sentences was given a tensor; use a data set of sentences")
        read = self.read(texts) if self.frozen else self.reader(texts)
        return read if self.project is None else self.project(read.to(self.project.weight.dtype))

    def read(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Vectors of the frozen reader, which encodes each sentence once."""
        new = list(dict.fromkeys(text for text in texts if text not in self._cache))
        fresh: dict[str, Tensor] = {}
        if new:
            with torch.no_grad():
                fresh = dict(zip(new, self.current_reader(new), strict=True))
            self._keep(fresh)
        return torch.stack([self._cache[text] if text in self._cache else fresh[text] for text in texts])

    def remember(self, texts: Sequence[str], vectors: Float[Tensor, "n d"]) -> None:
        """Add vectors of the frozen reader to the cache, so that it need not encode these sentences."""
        self._keep(dict(zip(texts, vectors.to(self.identity.device), strict=True)))

    def _keep(self, vectors: dict[str, Tensor]) -> None:
        room = MAX_CACHE_BYTES // (4 * self.current_reader.features) - len(self._cache)
        if len(vectors) <= room:
            self._cache |= vectors

    @property
    def vocabulary(self) -> int:
        """Size of the vocabulary."""
        count: int = self.current_reader.vocabulary
        return count

    def words(self, texts: Sequence[str]) -> Words:
        """The words of sentences, before the reader looks at their order, and through P; see `Words`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            words: Words = self.current_reader.words(texts)
        if self.project is None:
            return words
        return Words(self.project(words.vectors.to(self.project.weight.dtype)), words.ids, words.mask)

    def fingerprint(self) -> str:
        """A word that changes with anything that a frozen reader makes of a sentence."""
        found: str = self.current_reader.fingerprint()
        return found

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "TextEncoder":
        """Move the reader along, though it is not counted among the weights."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.frozen:
            if isinstance(self.current_reader, nn.Module):
                self.current_reader._apply(fn, recurse)  # type: ignore[no-untyped-call]
            self._cache = {text: fn(vector) for text, vector in self._cache.items()}
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:  # noqa: ANN401
        stored = state_dict.get(f"{prefix}identity")
        if self.frozen and stored is not None and not stored.cpu().equal(self.identity.cpu()):
            raise InputError(
                "the encoder of sentences is another than the one that these weights were trained with; install the "
                "version that the run was made with, or train again"
            )
        super()._load_from_state_dict(state_dict, prefix, *others)
