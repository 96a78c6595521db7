"""Cache of features on disk: each example is encoded once, and interrupted work resumes where it stopped."""

import hashlib
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from manyshot.base import write_aside
from manyshot.base.progress import bar
from manyshot.datasets.pixel_cache import cache_folder

FORMAT = 1
"""Version of the file format; incremented when older files would be misread."""
SAVE_EVERY = 10.0
"""Seconds between two writes while features are computed."""
MAX_SMALL_FILES, SMALL_BYTES = 32, 1 << 22
"""More than this many files below this size are merged into one."""
HASH_BYTES = 16
"""Length of the hash of an example's name."""

Items = TypeVar("Items")


class FeatureStore:
    """The cached features of one key, in files that hold any number of examples each.

    Several processes may read and write at the same time: each writes its own files and renames them when they are
    complete. Damaged files are ignored, and a full or read-only disk is not an error.

    Args:
        key: Everything that the features depend on apart from the example, such as the encoder's fingerprint.

    Example:
        >>> import os, tempfile
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, MANYSHOT_CACHE=tempfile.mkdtemp()):
        ...     _ = FeatureStore("encoder").add(["cat"], torch.ones(1, 4))
        ...     features, found = FeatureStore("encoder").find(["dog", "cat"])
        >>> found.tolist(), features[1]
        ([False, True], tensor([1., 1., 1., 1.]))
    """

    def __init__(self, key: str) -> None:
        digest = hashlib.sha256(f"{FORMAT} {key}".encode("utf-8", "surrogatepass")).hexdigest()
        self.folder = cache_folder() / "features" / digest[:32]

    def find(self, names: Sequence[str]) -> tuple[Float[Tensor, "n ..."] | None, Bool[np.ndarray, "n"]]:
        """Read the features of examples.

        Args:
            names: Names of the examples, such as hashes of their content.

        Returns:
            Features `[n, ...]`, with rows of zeros for examples that are not cached, or None if none is; and a mask of
            the examples that are cached.
        """
        indices: dict[bytes, list[int]] = {}
        for index, name in enumerate(names):
            indices.setdefault(_hash(name), []).append(index)
        features: Tensor | None = None
        found = np.zeros(len(names), dtype=bool)
        for path in self._files():
            # Most files hold other examples; their features need not be read.
            if indices.keys().isdisjoint(_read_names(path)):
                continue
            stored = _read(path)
            if stored is None or (features is not None and features.shape[1:] != stored[1].shape[1:]):
                continue
            pairs = [(row, index) for row, name in enumerate(stored[0]) for index in indices.pop(name, ())]
            rows, wanted = (list(column) for column in zip(*pairs, strict=True))
            if features is None:
                features = stored[1].new_zeros(len(names), *stored[1].shape[1:])
            features[wanted] = stored[1][rows]
            found[wanted] = True
        return features, found

    def count_missing(self, names: Sequence[str]) -> int:
        """Count the distinct examples that are not cached; files are not checked for damage.

        Args:
            names: Names of the examples.
        """
        missing = {_hash(name) for name in names}
        for path in self._files():
            missing.difference_update(_read_names(path))
        return len(missing)

    def add(self, names: Sequence[str], features: Float[Tensor, "n ..."]) -> Path | None:
        """Write features to a new file.

        Args:
            names: Names of n examples.
            features: Their features `[n, ...]`.

        Returns:
            Path of the file, or None if it could not be written.
        """
        return self._write([_hash(name) for name in names], features)

    def merge(self) -> None:
        """Merge the small files into one if there are more than `MAX_SMALL_FILES` of them."""
        files = [path for path in self._files() if _size(path) < SMALL_BYTES]
        parts = [stored for path in files if len(files) > MAX_SMALL_FILES and (stored := _read(path)) is not None]
        if not parts or len({features.shape[1:] for _, features in parts}) > 1:
            return
        rows = {name: features[row] for names, features in parts for row, name in enumerate(names)}
        merged = self._write(list(rows), torch.stack(list(rows.values())))
        if merged is not None:
            self.remove(path for path in files if path != merged)

    def remove(self, files: Iterator[Path] | Sequence[Path]) -> None:
        """Remove files; those that cannot be removed stay.

        Args:
            files: Paths of the files.
        """
        for path in files:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue

    def _files(self) -> list[Path]:
        try:
            return sorted(self.folder.glob("[!.]*.safetensors"))
        except OSError:
            return []

    def _write(self, hashes: Sequence[bytes], features: Tensor) -> Path | None:
        path = self.folder / f"{hashlib.sha256(b''.join(hashes)).hexdigest()[:32]}.safetensors"
        features = features.detach().cpu().contiguous()
        stored = torch.frombuffer(bytearray(b"".join(hashes)), dtype=torch.uint8).view(-1, HASH_BYTES)
        checksum = torch.tensor([_checksum(stored, features)])
        try:
            with write_aside(path) as aside:
                save_file({"names": stored, "features": features, "checksum": checksum}, aside)
        except (OSError, SafetensorError):
            return None
        return path


def encode_stored(
    key: str,
    names: Sequence[str],
    load: Callable[[NDArray[np.int64]], Items],
    encode: Callable[[Items], Float[Tensor, "m ..."]],
    *,
    batch: int = 32,
    title: str | None = None,
) -> Float[Tensor, "n ..."]:
    """Read features from the cache, and encode and store those that are missing.

    A thread loads the next batch of examples while the current one is encoded. Examples with the same name are encoded
    once. Features are written every few seconds, so that interrupted work resumes where it stopped.

    Args:
        key: Everything that the features depend on apart from the example.
        names: Names of the n examples.
        load: Maps indices `[m]` of examples to the input of `encode`; called in a thread.
        encode: Maps what was loaded to features `[m, ...]`.
        batch: Largest number m of examples that are encoded together.
        title: Description of the progress bar; None for no bar.

    Returns:
        Features `[n, ...]`.

    Example:
        >>> import os, tempfile
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, MANYSHOT_CACHE=tempfile.mkdtemp()):
        ...     encode_stored("double", ["a", "b", "a"], torch.from_numpy, lambda indices: indices[:, None] * 2.0)
        tensor([[0.],
                [2.],
                [0.]])
    """
    store = FeatureStore(key)
    features, found = store.find(names)
    first = {name: index for index, name in reversed(list(enumerate(names)))}
    missing = np.array([index for name, index in first.items() if not found[index]], dtype=np.int64)
    missing.sort()
    pending: list[NDArray[np.int64]] = []
    written: list[Path] = []

    def save() -> None:
        if pending and features is not None:
            indices = np.concatenate(pending)
            path = store.add([names[index] for index in indices.tolist()], features[indices])
            written.extend([] if path is None else [path])
            pending.clear()

    saved = time.monotonic()
    try:
        for indices, items in _load_ahead(missing, load, batch, title):
            encoded = encode(items).detach().cpu()
            if features is None:
                features = encoded.new_zeros(len(names), *encoded.shape[1:])
            features[indices] = encoded
            pending.append(indices)
            if time.monotonic() - saved > SAVE_EVERY:
                save()
                saved = time.monotonic()
    finally:
        save()
    assert features is not None, "no examples"
    if len(written) > 1:  # replace the parts by one file
        whole = store.add([names[index] for index in missing.tolist()], features[missing])
        if whole is not None:
            store.remove([path for path in written if path != whole])
    store.merge()
    features[:] = features[[first[name] for name in names]] if len(first) < len(names) else features
    return features


def digest_of(content: bytes | str | NDArray[Any] | Image.Image) -> str:
    """Hash of an example's content, 32 hexadecimal digits.

    Args:
        content: Bytes of a file, a sentence, an array of pixels, or a PIL image.

    Example:
        >>> len(digest_of("hello")), digest_of("hello") == digest_of(b"hello")
        (32, True)
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(content, Image.Image):
        digest.update(f"{content.mode} {content.size} {content.getpalette()}".encode())
        content = content.tobytes()
    if isinstance(content, np.ndarray):
        digest.update(f"{content.dtype} {content.shape}".encode())
        content = np.ascontiguousarray(content).tobytes()
    # Sentences that come from undecodable file names contain lone surrogates.
    digest.update(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return digest.hexdigest()


def _load_ahead(
    indices: NDArray[np.int64], load: Callable[[NDArray[np.int64]], Items], batch: int, title: str | None
) -> Iterator[tuple[NDArray[np.int64], Items]]:
    """Batches of indices and what is loaded for them; the next batch is loaded while the caller works on one."""
    batches = [indices[start : start + batch] for start in range(0, len(indices), batch)]
    with bar() if title and batches else nullcontext() as progress, ThreadPoolExecutor(1) as pool:
        task = None if progress is None else progress.add_task(title or "", total=len(indices))
        coming = [pool.submit(load, part) for part in batches[:1]]
        for number, part in enumerate(batches):
            items = coming.pop().result()
            if number + 1 < len(batches):
                coming.append(pool.submit(load, batches[number + 1]))
            yield part, items
            if progress is not None and task is not None:
                progress.advance(task, len(part))


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_names(path: Path) -> list[bytes]:
    """The hashed names in a file; empty if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return _split(file.get_tensor("names"))
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError):
        return []


def _split(names: Tensor) -> list[bytes]:
    content = names.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return [content[start : start + HASH_BYTES] for start in range(0, len(content), HASH_BYTES)]


def _read(path: Path) -> tuple[list[bytes], Tensor] | None:
    """The hashed names and the features in a file; None if it is missing or damaged."""
    try:
        stored = load_file(path)
        names, features, checksum = stored["names"], stored["features"], stored["checksum"]
        whole = names.dtype == torch.uint8 and names.shape == (len(features), HASH_BYTES) and checksum.numel() == 1
        if (
            not whole
            or features.ndim < 2
            or not features.is_floating_point()
            or _checksum(names, features) != int(checksum)
        ):
            return None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError):  # missing, damaged or not ours
        return None
    return _split(names), features


def _checksum(names: Tensor, features: Tensor) -> int:
    value = zlib.crc32(names.contiguous().numpy().data)
    return zlib.crc32(features.contiguous().flatten().view(torch.uint8).numpy().data, value)
