"""Encoders of sentences: what they have in common, whether a network reads the words or none does."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from manyshot.base import InputError

MOST_KEPT = 1 << 28
"""Bytes of vectors that a frozen encoder keeps in memory, by sentence."""


@dataclass(frozen=True, eq=False)
class Words:
    """Sentences as words, for methods that weigh each word.

    Args:
        vectors: `[n, length, d]` one a word, the same wherever the word stands; zeros behind the end.
        ids: `[n, length]` the number of each word in the vocabulary.
        there: `[n, length]` False behind the end of a sentence.
    """

    vectors: Float[Tensor, "n length d"]
    ids: Int[Tensor, "n length"]
    there: Bool[Tensor, "n length"]


@runtime_checkable
class Reader(Protocol):
    """What turns sentences into vectors; a module where it has weights."""

    features: int
    """How long a vector is."""
    vocabulary: int
    """How many numbers words have."""

    def __call__(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Encode sentences."""
        ...

    def words(self, texts: Sequence[str]) -> Words:
        """The words of sentences."""
        ...

    def fingerprint(self) -> str:
        """A word that changes when any vector might."""
        ...


class TextEncoder(nn.Module):
    """Sentences to vectors, by a reader that is frozen or trained, and perhaps a linear map that is trained.

    f(s) = P r(s), with P the identity at first

    A frozen reader encodes a sentence once and then knows it by heart. It is no part of the weights that a run stores:
    a run names it, and refuses to load where the reader of that name has become another.

    Args:
        reader: `Sequence[str]` to `[n, d]`.
        project: rows of P; 0 for none.
        frozen: whether the reader stays as it is; otherwise it is an `nn.Module`.

    Raises:
        InputError: If project is negative.

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
            self._aside = [reader]  # in a list, so that torch does not count it among the weights
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
        self._kept: dict[str, Tensor] = {}

    @property
    def current_reader(self) -> Any:  # noqa: ANN401 - a Reader
        """The reader, whichever way it is held."""
        return self._aside[0] if self.frozen else self.reader

    @property
    def is_fixed(self) -> bool:
        """Whether a sentence's features are always the same."""
        return self.frozen and self.project is None

    def forward(self, texts: Any) -> Float[Tensor, "n d"]:  # noqa: ANN401 - sentences, which are looked at
        """Encode sentences.

        Raises:
            InputError: If the items are no sentences.
        """
        if isinstance(texts, Tensor):
            raise InputError("an encoder of sentences is given numbers; give it data of sentences")
        read = self.read(texts) if self.frozen else self.reader(texts)
        return read if self.project is None else self.project(read.to(self.project.weight.dtype))

    def read(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """What a frozen reader makes of sentences, each of them read once."""
        new = list(dict.fromkeys(text for text in texts if text not in self._kept))
        fresh: dict[str, Tensor] = {}
        if new:
            with torch.no_grad():
                fresh = dict(zip(new, self.current_reader(new), strict=True))
            self._keep(fresh)
        return torch.stack([self._kept[text] if text in self._kept else fresh[text] for text in texts])

    def remember(self, texts: Sequence[str], vectors: Float[Tensor, "n d"]) -> None:
        """Know what the frozen reader makes of sentences without reading them."""
        self._keep(dict(zip(texts, vectors.to(self.identity.device), strict=True)))

    def _keep(self, vectors: dict[str, Tensor]) -> None:
        room = MOST_KEPT // (4 * self.current_reader.features) - len(self._kept)
        if len(vectors) <= room:
            self._kept |= vectors

    @property
    def vocabulary(self) -> int:
        """How many numbers words have."""
        count: int = self.current_reader.vocabulary
        return count

    def words(self, texts: Sequence[str]) -> Words:
        """The words of sentences, before the reader looks at their order, and through P; see `Words`."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            words: Words = self.current_reader.words(texts)
        if self.project is None:
            return words
        return Words(self.project(words.vectors.to(self.project.weight.dtype)), words.ids, words.there)

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
            self._kept = {text: fn(vector) for text, vector in self._kept.items()}
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:  # noqa: ANN401
        stored = state_dict.get(f"{prefix}identity")
        if self.frozen and stored is not None and not stored.cpu().equal(self.identity.cpu()):
            raise InputError(
                "the encoder of sentences is another than the one that these weights were trained with; install the "
                "version that the run was made with, or train again"
            )
        super()._load_from_state_dict(state_dict, prefix, *others)
