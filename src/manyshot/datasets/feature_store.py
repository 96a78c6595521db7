"""Features of examples on disk: each example is encoded once, and interrupted work goes on where it stopped."""

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
"""Version of the files; increased when older ones would be misread."""
SAVE_EVERY = 10.0
"""Seconds of work after which features are written."""
MOST_FILES, SMALL_BYTES = 32, 1 << 22
"""Number of small files of one key, and their size, from which on they are merged into one."""
BYTES = 16
"""Length of the hash of an example's name."""

Items = TypeVar("Items")


class FeatureStore:
    """The features of examples under one key, in files of any number of examples.

    Several processes may read and write at once: each writes files of its own and renames them. Files that are damaged
    are ignored, and a full or read-only disk is no error.

    Args:
        key: Text of everything that the features depend on but the example, such as the encoder's fingerprint.

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
        """Read features.

        Args:
            names: Names of examples, such as hashes of their content.

        Returns:
            Features, of which only the rows that were found are filled, or None if there are none; and which were
            found.
        """
        places: dict[bytes, list[int]] = {}
        for place, name in enumerate(names):
            places.setdefault(_hash(name), []).append(place)
        features: Tensor | None = None
        found = np.zeros(len(names), dtype=bool)
        for path in self._files():
            # Most files hold other examples: their features are not read.
            if places.keys().isdisjoint(_read_names(path)):
                continue
            stored = _read(path)
            if stored is None or (features is not None and features.shape[1:] != stored[1].shape[1:]):
                continue
            here = [(row, place) for row, name in enumerate(stored[0]) for place in places.pop(name, ())]
            rows, wanted = (list(column) for column in zip(*here, strict=True))
            if features is None:
                features = stored[1].new_zeros(len(names), *stored[1].shape[1:])
            features[wanted] = stored[1][rows]
            found[wanted] = True
        return features, found

    def count_missing(self, names: Sequence[str]) -> int:
        """How many different examples have no features here, as far as is known without reading them.

        Args:
            names: Names of examples.
        """
        missing = {_hash(name) for name in names}
        for path in self._files():
            missing.difference_update(_read_names(path))
        return len(missing)

    def add(self, names: Sequence[str], features: Float[Tensor, "n ..."]) -> Path | None:
        """Write features; return their file, or None if it could not be written.

        Args:
            names: Names of n examples.
            features: Their features.
        """
        return self._write([_hash(name) for name in names], features)

    def merge(self) -> None:
        """Merge small files into one if there are more than `MOST_FILES` of them."""
        files = [path for path in self._files() if _size(path) < SMALL_BYTES]
        parts = [stored for path in files if len(files) > MOST_FILES and (stored := _read(path)) is not None]
        if not parts or len({features.shape[1:] for _, features in parts}) > 1:
            return
        rows = {name: features[row] for names, features in parts for row, name in enumerate(names)}
        merged = self._write(list(rows), torch.stack(list(rows.values())))
        if merged is not None:
            self.remove(path for path in files if path != merged)

    def remove(self, files: Iterator[Path] | Sequence[Path]) -> None:
        """Remove files of features."""
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
        stored = torch.frombuffer(bytearray(b"".join(hashes)), dtype=torch.uint8).view(-1, BYTES)
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
    """Features of examples, read from disk where they are there, otherwise encoded and written.

    Examples are loaded in a thread while the examples before them are encoded. Examples of equal names are encoded
    once. Features are written every few seconds, so that work that is interrupted goes on where it stopped.

    Args:
        key: Everything that the features depend on but the example.
        names: Name of each of the n examples.
        load: Function from m places among the examples to what `encode` takes; it runs in a thread.
        encode: Function from what was loaded to features `[m, ...]`.
        batch: Largest m.
        title: Description of the progress bar; None for none.

    Example:
        >>> import os, tempfile
        >>> from unittest.mock import patch
        >>> with patch.dict(os.environ, MANYSHOT_CACHE=tempfile.mkdtemp()):
        ...     encode_stored("double", ["a", "b", "a"], torch.from_numpy, lambda places: places[:, None] * 2.0)
        tensor([[0.],
                [2.],
                [0.]])
    """
    store = FeatureStore(key)
    features, found = store.find(names)
    first = {name: place for place, name in reversed(list(enumerate(names)))}
    missing = np.array([place for name, place in first.items() if not found[place]], dtype=np.int64)
    missing.sort()
    pending: list[NDArray[np.int64]] = []
    written: list[Path] = []

    def save() -> None:
        if pending and features is not None:
            places = np.concatenate(pending)
            path = store.add([names[place] for place in places.tolist()], features[places])
            written.extend([] if path is None else [path])
            pending.clear()

    saved = time.monotonic()
    try:
        for places, items in _ahead(missing, load, batch, title):
            encoded = encode(items).detach().cpu()
            if features is None:
                features = encoded.new_zeros(len(names), *encoded.shape[1:])
            features[places] = encoded
            pending.append(places)
            if time.monotonic() - saved > SAVE_EVERY:
                save()
                saved = time.monotonic()
    finally:
        save()
    assert features is not None, "no examples"
    if len(written) > 1:  # one file instead of the parts
        whole = store.add([names[place] for place in missing.tolist()], features[missing])
        if whole is not None:
            store.remove([path for path in written if path != whole])
    store.merge()
    features[:] = features[[first[name] for name in names]] if len(first) < len(names) else features
    return features


def digest_of(content: bytes | str | NDArray[Any] | Image.Image) -> str:
    """Hash of an example's content: 32 hexadecimal digits.

    Args:
        content: Bytes of a file, a sentence, or pixels.

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
    # Sentences may hold half letters, from names of files that are no text.
    digest.update(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return digest.hexdigest()


def _ahead(
    places: NDArray[np.int64], load: Callable[[NDArray[np.int64]], Items], batch: int, title: str | None
) -> Iterator[tuple[NDArray[np.int64], Items]]:
    """Batches of places and what is loaded for them, loaded one batch ahead."""
    batches = [places[start : start + batch] for start in range(0, len(places), batch)]
    with bar() if title and batches else nullcontext() as progress, ThreadPoolExecutor(1) as pool:
        task = None if progress is None else progress.add_task(title or "", total=len(places))
        coming = [pool.submit(load, part) for part in batches[:1]]
        for number, part in enumerate(batches):
            items = coming.pop().result()
            if number + 1 < len(batches):
                coming.append(pool.submit(load, batches[number + 1]))
            yield part, items
            if progress is not None and task is not None:
                progress.advance(task, len(part))


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=BYTES).digest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_names(path: Path) -> list[bytes]:
    """The hashes of names of a file; empty if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return _split(file.get_tensor("names"))
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError):
        return []


def _split(names: Tensor) -> list[bytes]:
    content = names.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return [content[start : start + BYTES] for start in range(0, len(content), BYTES)]


def _read(path: Path) -> tuple[list[bytes], Tensor] | None:
    """The hashes of names and the features of a file, or None if it is missing or damaged."""
    try:
        stored = load_file(path)
        names, features, checksum = stored["names"], stored["features"], stored["checksum"]
        whole = names.dtype == torch.uint8 and names.shape == (len(features), BYTES) and checksum.numel() == 1
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
