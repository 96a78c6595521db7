"""List and read the files of a folder or of a zip in the same way, without unpacking the zip to disk."""

import hashlib
import json
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from manyshot.base import InputError, read_bytes

MAX_FILES = 2_000_000
MAX_FILE_BYTES = 1 << 29
"""Size of the largest file that is read, in bytes."""
MAX_RATIO = 200
"""Largest ratio of unpacked to packed size of a zip that unpacks to more than `FREE_BYTES`; protects from zip bombs."""
FREE_BYTES = 1 << 26
MAX_DEPTH = 12

BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What the readers of packed files raise where these are damaged."""

HIDDEN = ("__MACOSX", "Thumbs.db", "desktop.ini")

PathParts = tuple[str, ...]
"""A path inside the tree as its names: `("cat", "1.png")`."""


@dataclass(frozen=True)
class ItemFile:
    """A file in a folder or zip that holds an example, or a part of one, and is read when it is needed.

    Args:
        where: What error messages call it.
        read: Function that returns its bytes.
    """

    where: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Tree:
    """The visible files and folders below a folder or inside a zip.

    Hidden files and what operating systems leave behind (`.DS_Store`, `__MACOSX`, `Thumbs.db`) are not listed.

    Args:
        path: Path of the folder or zip.
        files: All files, sorted.
        folders: All folders, including empty ones, sorted.
        stamp: Digest that changes when a file is added, removed or changed.
        read: Function that returns the bytes of a file.
    """

    path: Path
    files: tuple[PathParts, ...]
    folders: tuple[PathParts, ...]
    stamp: str
    read: Callable[[PathParts], bytes]

    def describe(self, parts: PathParts) -> str:
        """What an error message calls a file or folder of the tree."""
        return f"{self.path}: '{'/'.join(parts)}'" if self.path.is_file() else str(self.path.joinpath(*parts))


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """List a folder or a zip and keep it open for reading.

    Args:
        path: Folder or zip.

    Raises:
        InputError: If it is neither, is damaged or too large, or a member of the zip points outside of it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cat").mkdir()
        >>> _ = (folder / "cat" / "1.png").write_bytes(b"pixels")
        >>> with open_tree(folder) as tree:
        ...     tree.files, tree.read(("cat", "1.png"))
        ((('cat', '1.png'),), b'pixels')
    """
    if path.is_dir():
        yield _folder(path)
    else:
        with _archive(path) as archive:
            yield _zip(path, archive)


def list_tree(path: Path) -> Tree:
    """List a folder or a zip; the zip stays open for as long as the tree is in use.

    Args:
        path: Folder or zip.

    Raises:
        InputError: As `open_tree`.
    """
    return _folder(path) if path.is_dir() else _zip(path, _archive(path))


def _archive(path: Path) -> zipfile.ZipFile:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{path}: neither a folder nor a complete zip ({error}); give a folder or a valid zip"
        ) from None


def _folder(root: Path) -> Tree:
    files: dict[PathParts, list[int]] = {}
    folders: list[PathParts] = []

    def walk(parts: PathParts, above: frozenset[str]) -> None:
        path = root.joinpath(*parts)
        real = os.path.realpath(path)
        if real in above:
            raise InputError(f"{path}: a link to a folder above it; remove the link")
        if len(parts) > MAX_DEPTH:
            raise InputError(f"{path}: more than {MAX_DEPTH} folders deep; name the folder that holds the classes")
        with os.scandir(path) as listed:
            entries = list(listed)
        for entry in entries:
            here = (*parts, entry.name)
            if is_hidden(here):
                continue
            if entry.is_dir():
                folders.append(here)
                walk(here, above | {real})
            elif entry.is_file():
                state = entry.stat()
                files[here] = [state.st_size, state.st_mtime_ns]
                if len(files) > MAX_FILES:
                    raise InputError(f"{root}: more than {MAX_FILES:,} files; name a smaller folder")
            else:
                files[here] = []  # a broken link or a device: it has a name, and reading it says what is wrong

    try:
        walk((), frozenset())
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be listed ({error.strerror})") from None

    def read(parts: PathParts) -> bytes:
        return read_bytes(root.joinpath(*parts), MAX_FILE_BYTES)

    listing = sorted(files.items())
    return Tree(root, tuple(parts for parts, _ in listing), tuple(sorted(folders)), _digest(listing), read)


def _zip(path: Path, archive: zipfile.ZipFile) -> Tree:
    members: dict[PathParts, zipfile.ZipInfo] = {}
    folders: set[PathParts] = set()
    infos = archive.infolist()
    size = path.stat().st_size
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_FILES:
        raise InputError(f"{path}: more than {MAX_FILES:,} files; pack fewer")
    if total > FREE_BYTES and total > MAX_RATIO * size:
        raise InputError(f"{path}: unpacks to {total:,} bytes from {size:,}; refused as a likely zip bomb")
    for info in infos:
        parts = _member_parts(path, info)
        if not parts or is_hidden(parts):
            continue
        folders.update(parts[:depth] for depth in range(1, len(parts)))
        if info.is_dir():
            folders.add(parts)
        elif parts in members:
            raise InputError(f"{path}: '{'/'.join(parts)}' occurs twice; create the zip again")
        else:
            members[parts] = info

    def read(parts: PathParts) -> bytes:
        info, where = members[parts], f"{path}: '{'/'.join(parts)}'"
        if info.file_size > MAX_FILE_BYTES:
            raise InputError(f"{where} has {info.file_size:,} bytes, at most {MAX_FILE_BYTES:,} are read; remove it")
        try:
            return archive.read(info)
        except RuntimeError:
            raise InputError(f"{where} is encrypted; pack it again without a password") from None
        except (*BROKEN, OSError, EOFError, NotImplementedError, ValueError) as error:
            raise InputError(f"{where} is broken ({error}); pack or fetch the zip again") from None

    listing = [[*parts, info.file_size, info.CRC] for parts, info in sorted(members.items())]
    stamp = _digest([size, path.stat().st_mtime_ns, listing])
    return Tree(path, tuple(sorted(members)), tuple(sorted(folders)), stamp, read)


def _member_parts(path: Path, info: zipfile.ZipInfo) -> PathParts:
    """Names on the path of a member; an error if the path leaves the zip."""
    name = info.filename
    if not info.flag_bits & 0x800:
        # Without the flag for UTF-8, zipfile reads names as code page 437; many programs write UTF-8 all the same.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")):
        raise InputError(f"{path}: '{name}' points outside of the zip; refused")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InputError(f"{path}: '{name}' is a link; pack the file itself")
    if len(parts) > MAX_DEPTH:
        raise InputError(f"{path}: '{name}' lies more than {MAX_DEPTH} folders deep; pack fewer levels")
    return parts


def is_hidden(parts: PathParts) -> bool:
    """Whether a path is hidden, or of what operating systems leave behind.

    Example:
        >>> is_hidden(("cat", ".DS_Store")), is_hidden(("cat", "tom.png"))
        (True, False)
    """
    return any(part.startswith(".") or part in HIDDEN for part in parts)


def _digest(listing: object) -> str:
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
