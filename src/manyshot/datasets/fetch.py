"""Find, download and check the published files of a data set."""

import gzip
import hashlib
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.progress import Progress, TaskID

from manyshot.base import InputError
from manyshot.base.progress import bar
from manyshot.datasets.folder_or_zip import BROKEN, open_tree
from manyshot.datasets.idx_file import read_idx
from manyshot.datasets.image_folder import is_picture
from manyshot.datasets.pixel_cache import cache_folder
from manyshot.datasets.spec import PublishedFile

RETRIES = 2
TIMEOUT = 30.0  # seconds without a byte
IDX = re.compile(r"-idx(\d)-ubyte")  # the number of dimensions stands in the name

State = Literal["present", "missing", "truncated", "differs"]


@dataclass(frozen=True)
class FileState:
    """State of a published file on this machine.

    Args:
        file: File as published.
        path: Path of the file, or the first path that is searched.
        state: "present" (with the published checksum), "missing", "truncated" (damaged), or "differs" (readable, but
            not the published file, or its checksum is not known).
    """

    file: PublishedFile
    path: Path
    state: State


def find_file(folder: str, file: PublishedFile, root: Path | None) -> Path | None:
    """Find a file of a data set, or one of its alternatives; None if there is none.

    Args:
        folder: Name of the data set's folder.
        file: File to find.
        root: Folder to search, directly and in `folder`; None for `MANYSHOT_DATA` and earlier downloads.

    Raises:
        InputError: If `root` is not a folder.
    """
    for path in search_folders(folder, root):
        for name in (file.name, *file.alternatives):
            if (path / name).exists():
                return path / name
    return None


def search_folders(folder: str, root: Path | None) -> list[Path]:
    """Folders that are searched for the files of a data set, in this order."""
    if root is not None:
        root = Path(root).expanduser()
        if not root.is_dir():
            raise InputError(f"root {root}: no such folder; name the folder that holds '{folder}' or its files")
        return [root / folder, root]
    named = os.environ.get("MANYSHOT_DATA")
    return [*([Path(named) / folder, Path(named)] if named else []), cache_folder() / folder]


def fetch(folder: str, file: PublishedFile, root: Path | None) -> Path:
    """The path of an official file, downloaded first if it is nowhere and no root was named.

    A file that is found is taken as it is: its structure is checked while it is read, its checksum by `check`.

    Raises:
        InputError: If it is not under the root that was named, or cannot be downloaded; says what to put where by hand.
    """
    path = find_file(folder, file, root)
    if path is not None:
        return path
    if root is not None:
        raise InputError(
            f"{file.name}: not in {root / folder} nor in {root}; fetch it from {file.url} and put it there"
        )
    if file.checksum is None:
        raise InputError(
            f"{file.name}: cannot be downloaded automatically; fetch it from {file.url} and put it into "
            f"{search_folders(folder, root)[0]}, or name its folder with root (--root) or MANYSHOT_DATA"
        )
    return _download(folder, file)


def check_files(folder: str, files: Sequence[PublishedFile], root: Path | None) -> list[FileState]:
    """Compare each file with its published checksum, without downloading anything."""
    states = []
    for file in files:
        path = find_file(folder, file, root)
        if path is None:
            states.append(FileState(file, search_folders(folder, root)[0] / file.name, "missing"))
        elif file.checksum is not None and file.checksum == checksum(path, file.checksum.partition(":")[0]):
            states.append(FileState(file, path, "present"))
        else:
            states.append(FileState(file, path, "differs" if _is_whole(path) else "truncated"))
    return states


def checksum(path: Path, algorithm: str) -> str:
    """Checksum of a file, such as "sha256:..."; empty after the colon for a folder."""
    if path.is_dir():
        return f"{algorithm}:"
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _is_whole(path: Path) -> bool:
    """Whether a file can be read to its end, or a folder contains images."""
    try:
        if path.is_dir():
            with open_tree(path) as tree:
                return any(is_picture(parts) for parts in tree.files)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        dimensions = IDX.search(path.name)
        if dimensions:
            read_idx(path, int(dimensions[1]))
        elif path.suffix == ".gz":
            with gzip.open(path) as stream:
                while stream.read(1 << 20):
                    pass
        return path.stat().st_size > 0
    except (InputError, *BROKEN, OSError, EOFError, NotImplementedError, RuntimeError):
        return False


def _download(folder: str, file: PublishedFile) -> Path:
    import pooch  # it brings tqdm and asyncio

    target = cache_folder() / folder
    pooch.get_logger().setLevel("WARNING")  # the progress bar and our own message say what a person needs
    registry = pooch.create(
        path=target,
        base_url="",
        registry={file.name: file.checksum},
        urls={file.name: file.url},
        retry_if_failed=RETRIES,
    )
    try:
        with _progress(file) as progress:
            downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT)
            return Path(registry.fetch(file.name, downloader=downloader))
    except OSError as error:
        reason = f"cannot be downloaded ({type(error).__name__})"
    except ValueError:
        reason = "arrived with another checksum than the published one"
    raise InputError(
        f"{file.name}: {reason}; fetch {file.url} by another way and put it into {target}, "
        "or name its folder by --root or MANYSHOT_DATA"
    )


class _PoochProgress:
    """Progress bar with the interface that pooch expects: `total` is set before the first `update`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress = progress
        self.task = task
        self.total = 0

    def update(self, done: int) -> None:
        """Advance by a number of bytes."""
        self.progress.update(self.task, total=self.total, advance=done)

    def reset(self) -> None:
        """Reset to zero, which pooch does just before the end."""
        self.progress.update(self.task, completed=0)

    def close(self) -> None:
        """Do nothing, since the display closes with its block."""


@contextmanager
def _progress(file: PublishedFile) -> Iterator[_PoochProgress]:
    with bar() as progress:
        yield _PoochProgress(progress, progress.add_task(f"download {file.name}", total=file.bytes, note="bytes"))
