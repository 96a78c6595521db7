"""A cache of decoded images: one memory-mapped file per source, used until the original files change."""

import errno
import glob
import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from manyshot.base import InputError, write_aside, write_json
from manyshot.tasks import Source

FORMAT = 3
"""Version of the format; increased when older files would be misread or the same originals give other pixels."""

BLOCK = 1 << 20
BLOCKS = 64  # checked in full up to 64 MiB, evenly sampled beyond: opening stays instant for any size

MAX_BYTES = 1 << 40
"""Largest number of bytes of pixels of one source, which are memory-mapped and need not fit into memory."""
MAX_BYTES_IN_MEMORY = 1 << 30
"""Largest number of bytes of pixels that are kept in memory if the cache cannot be written."""

Pixels = UInt8[np.ndarray, "n c h w"]
Allocate = Callable[[int, int, int, int], Pixels]


@dataclass(frozen=True)
class Contents:
    """Labels, groups and authors that belong to the cached pixels.

    Args:
        labels: Class of each of the n images.
        groups: Group of each class; None if there are no groups.
        authors: Author of each of the n images; None if there are no authors.
    """

    labels: Sequence[str]
    groups: Mapping[str, str] | None = None
    authors: Sequence[str] | None = None


def cache_folder() -> Path:
    """Folder of downloads and cached images: `MANYSHOT_CACHE`, or the user's cache folder."""
    named = os.environ.get("MANYSHOT_CACHE")
    if named:
        return Path(named)
    import pooch  # it brings tqdm and asyncio

    return Path(pooch.os_cache("manyshot"))


def cached_source(name: str, key: Mapping[str, Any], fill: Callable[[Allocate], Contents]) -> Source:
    """Load images from the cache, decoding them into it first if they are missing, damaged or out of date.

    Several processes may do this at once: each writes a file of its own and renames it. If the cache cannot be written,
    up to `MAX_BYTES_IN_MEMORY` bytes of pixels are kept in memory.

    Args:
        name: Name of the source, such as "omniglot/small1".
        key: Everything that the pixels depend on (paths and stamp of the originals, options), in JSON types.
        fill: Function that requests the pixels from `allocate(n, c, h, w)`, fills them, and returns their labels.

    Returns:
        Source of uint8 images `[n, c, h, w]`.

    Raises:
        InputError: If there are more than `MAX_BYTES` bytes of pixels, or the cache cannot be written and they do not
            fit into memory.

    Example:
        >>> import os, tempfile
        >>> from unittest.mock import patch
        >>> def fill(allocate):
        ...     allocate(2, 1, 4, 4)[:] = 7
        ...     return Contents(labels=["one", "two"])
        >>> with patch.dict(os.environ, MANYSHOT_CACHE=tempfile.mkdtemp()):
        ...     cached_source("sevens", {"stamp": 1}, fill).gather([1]).unique()
        tensor([7], dtype=torch.uint8)
    """
    key = json.loads(json.dumps({"format": FORMAT, "name": name, **key}))
    stem = name.replace("/", "-").replace(os.sep, "-")[:40] + "-" + _digest({**key, "stamp": None})
    path = cache_folder() / "packed" / f"{stem}-{_digest(key)}.npy"
    source = _read(path, key, name)
    if source is not None:
        return source
    try:
        _write(path, key, fill)
        _remove_older(path, stem)
    except OSError as error:  # a full or read-only disk need not be an error while the pixels fit into memory
        reason = error.strerror or str(error)
    else:
        reason = "what was written cannot be read"
    return _read(path, key, name) or _in_memory(name, fill, reason)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path, key: Mapping[str, Any], name: str) -> Source | None:
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        pixels = _map(path)
        if (
            pixels.dtype != np.uint8
            or pixels.ndim != 4
            or sidecar["key"] != key
            or sidecar["checksum"] != _checksum(pixels)
        ):
            return None
        names, authors = sidecar["labels"]["names"], sidecar["authors"]
        contents = Contents(
            labels=[names[i] for i in sidecar["labels"]["each"]],
            groups=sidecar["groups"],
            authors=None if authors is None else [authors["names"][i] for i in authors["each"]],
        )
        return _source(name, pixels, contents) if len(contents.labels) == len(pixels) else None
    except (OSError, ValueError, EOFError, KeyError, TypeError, IndexError):  # missing, truncated or not ours
        return None


def _map(path: Path) -> Pixels:
    """Memory-map the pixels so that changes stay in this process; as read-only where they are too many for that.

    What could be changed counts as memory, and the system refuses to map more than it has.
    """
    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)  # type: ignore[no-any-return]
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]


def _write(path: Path, key: Mapping[str, Any], fill: Callable[[Allocate], Contents]) -> None:
    with write_aside(path) as aside:
        mapped: list[np.memmap[Any, Any]] = []

        def allocate(n: int, c: int, h: int, w: int) -> Pixels:
            _check_bytes(n, c, h, w)
            if hasattr(os, "posix_fallocate"):  # a full disk shows here, as an error, and not as a crash while writing
                with aside.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, n * c * h * w + 1024)
            mapped.append(np.lib.format.open_memmap(aside, mode="w+", dtype=np.uint8, shape=(n, c, h, w)))
            return mapped[0]

        contents = fill(allocate)
        mapped[0].flush()
        checksum = _checksum(mapped.pop())
    sidecar = {**asdict(contents), "labels": _numbered(contents.labels)}
    sidecar["authors"] = None if contents.authors is None else _numbered(contents.authors)
    write_json(path.with_suffix(".json"), {"key": key, "checksum": checksum, **sidecar})


def _numbered(names: Sequence[str]) -> dict[str, list[Any]]:
    """Distinct names, and the index of each element's name among them."""
    index = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return {"names": list(index), "each": [index[name] for name in names]}


def _check_bytes(n: int, c: int, h: int, w: int) -> None:
    if n * c * h * w > MAX_BYTES:
        raise InputError(
            f"{n:,} pictures of {c} x {h} x {w} have {n * c * h * w:,} bytes, at most {MAX_BYTES:,} are cached; "
            "give a smaller size (--size), or fewer images"
        )


def _in_memory(name: str, fill: Callable[[Allocate], Contents], reason: str) -> Source:
    allocated: list[Pixels] = []

    def allocate(n: int, c: int, h: int, w: int) -> Pixels:
        _check_bytes(n, c, h, w)
        if n * c * h * w > MAX_BYTES_IN_MEMORY:
            raise InputError(
                f"{cache_folder()}: cannot keep {n * c * h * w:,} bytes of images ({reason}), too many to stay in "
                "memory; free space, set MANYSHOT_CACHE to another folder, or give a smaller size (--size)"
            )
        allocated.append(np.zeros((n, c, h, w), dtype=np.uint8))
        return allocated[0]

    contents = fill(allocate)
    return _source(name, allocated[0], contents)


def _source(name: str, pixels: Pixels, contents: Contents) -> Source:
    groups = None if contents.groups is None else dict(contents.groups)
    return Source.of(pixels, contents.labels, groups=groups, authors=contents.authors, name=name)


def _checksum(pixels: Pixels) -> int:
    flat = pixels.reshape(-1)
    step = max(BLOCK, (len(flat) - BLOCK) // (BLOCKS - 1) + 1)
    value = zlib.crc32(repr(pixels.shape).encode())
    for start in range(0, len(flat), step):
        value = zlib.crc32(flat[start : start + BLOCK].data, value)
    return value


def _remove_older(path: Path, stem: str) -> None:
    """Remove cache files of earlier versions of the originals, and temporary files of killed processes."""
    for old in path.parent.glob(f"{glob.escape(stem)}-*"):
        if old.stem != path.stem:
            old.unlink(missing_ok=True)
    for left in path.parent.glob(".*"):
        if time.time() - left.stat().st_mtime > 86400:
            left.unlink(missing_ok=True)
