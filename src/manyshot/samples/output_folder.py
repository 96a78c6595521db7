"""The folder that an export writes: what was written, its manifest, and replacing it safely."""

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from manyshot.base import InputError

MANIFEST = "manifest.jsonl"
KEYS = ("file", "class", "source", "number", "ops", "params", "seed", "plan")
"""Keys that every line of a manifest has."""
STEM = 60  # characters; with the number the name stays below the limit of 255 bytes
SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # file managers leave these in folders that they open
COMPRESSION = 4  # of 9: twice as fast as the default of 6, and files of photographs grow by one percent

MAX_PER_CLASS = 100_000
"""Largest number of generated samples per class."""


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Args:
        folder: Folder that was written.
        generated: Number of generated samples of each class.
        sheets: Contact sheets, one per class.
        features: File of the generated features; None if images were generated.
    """

    folder: Path
    generated: Mapping[str, int]
    sheets: Sequence[Path]
    features: Path | None = None

    @property
    def manifest(self) -> Path:
        """The manifest: one line of JSON per sample."""
        return self.folder / MANIFEST


def check_per_class(per_class: int) -> None:
    """Raise an error unless a number of samples per class lies between 1 and `MAX_PER_CLASS`.

    Raises:
        InputError: If it does not.

    Example:
        >>> check_per_class(20)
    """
    if not 1 <= per_class <= MAX_PER_CLASS:
        raise InputError(f"per_class={per_class}: give 1 to {MAX_PER_CLASS:,} samples per class")


def write_line(manifest: BufferedIOBase, line: Mapping[str, Any]) -> None:
    r"""Write one line of JSON to a manifest; file names that are not valid Unicode are escaped.

    Args:
        manifest: The manifest, opened for writing bytes.
        line: What the line says.

    Example:
        >>> import io
        >>> manifest = io.BytesIO()
        >>> write_line(manifest, {"file": "cat/tom-00000.png"})
        >>> manifest.getvalue()
        b'{"file": "cat/tom-00000.png"}\n'
    """
    manifest.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))


def sheet_name(name: str) -> str:
    """The file name of a class's contact sheet.

    Example:
        >>> sheet_name("cat")
        'cat.sheet.png'
    """
    short = name if len(name) <= STEM else f"{name[:STEM]}-{zlib.crc32(os.fsencode(name)):08x}"
    return f"{short}.sheet.png"


def first_foreign_file(folder: Path) -> str | None:
    """Name of the first file in a folder that no export wrote, or None if an export wrote all of them.

    Whatever the folder's manifest names was written by an export; a manifest of another program does not count.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "manifest.jsonl").write_text('{"shipped": "by sea"}')
        >>> first_foreign_file(folder)
        'manifest.jsonl'
    """
    written = _written(folder / MANIFEST)
    if written is None:
        return MANIFEST if (folder / MANIFEST).exists() else next((path.name for path in folder.iterdir()), None)
    return next((name for name in _listed(folder) if name not in written and Path(name).name not in SYSTEM), None)


def _written(manifest: Path) -> set[str] | None:
    """Every path that a manifest names, or None if no export wrote it."""
    written = {MANIFEST}
    try:
        with manifest.open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                if not isinstance(line, dict) or not set(KEYS) <= line.keys():
                    return None
                written |= {line["file"], line["class"], sheet_name(line["class"])}
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return written if len(written) > 1 else None


def _listed(folder: Path, above: str = "") -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        yield above + path.name
        if path.is_dir() and not path.is_symlink():
            yield from _listed(path, f"{above}{path.name}/")


def check_target(pictures: Path | None, out: Path, overwrite: bool) -> None:
    """Raise an error unless a folder may be written.

    Args:
        pictures: Folder or zip of the source images; None if there is none.
        out: Folder to write.
        overwrite: Whether an earlier export may be replaced.

    Raises:
        InputError: If the folder holds anything else, or lies inside the folder of the images.

    Example:
        >>> check_target(Path("photos"), Path("photos/generated"), overwrite=False)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: photos/generated: lies inside the folder of the images; give another folder
    """
    if pictures is not None and out.resolve().is_relative_to(pictures.resolve()):
        raise InputError(f"{out}: lies inside the folder of the images; give another folder")
    if not (out.exists() or out.is_symlink()):
        return
    if not out.is_dir() or out.is_symlink():
        raise InputError(f"{out}: exists and is not a folder; give another")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise InputError(f"{out}: the folder is not empty; give another, or allow overwriting (--overwrite)")
    foreign = first_foreign_file(out)
    if foreign is not None:
        raise InputError(
            f"{out}: only an earlier export is overwritten, and '{foreign}' is not part of one; move it "
            "away, or give another folder"
        )


@contextmanager
def write_folder_aside(out: Path) -> Iterator[Path]:
    """Write a new folder that replaces `out` when the block ends, and is removed if the block fails.

    Args:
        out: Folder to write.

    Example:
        >>> target = Path(tempfile.mkdtemp()) / "generated"
        >>> with write_folder_aside(target) as folder:
        ...     (folder / "cat").mkdir()
        >>> [path.name for path in target.iterdir()]
        ['cat']
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name[:STEM]}-", dir=out.parent))
    try:
        folder = scratch / "new"
        folder.mkdir()  # with the usual permissions, unlike the scratch folder
        yield folder
        if out.exists():
            out.replace(scratch / "old")
        folder.replace(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
