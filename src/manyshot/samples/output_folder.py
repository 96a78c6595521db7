"""The folder that an export writes: what was written, its manifest, and replacing it safely."""

import glob
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypedDict

from manyshot.base import InputError, open_file, parse_json, path_in_errors, read_line, short
from manyshot.base.lock import locked_file

MANIFEST = "manifest.jsonl"
KEYS = ("file", "class", "source", "number", "ops", "params", "seed", "plan")
"""Keys that every line of a manifest has."""
Line = TypedDict("Line", {"file": str, "class": str})
"""What a line of a manifest says of the files that were written."""
STEM = 60  # characters; with the number the name stays below the limit of 255 bytes
SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # file managers leave these in folders that they open
COMPRESSION = 4  # of 9: twice as fast as the default of 6, and files of photographs grow by one percent

FEATURES = "features.safetensors"
"""File of generated features."""
MAX_NAME = 255  # bytes, of most file systems
NEW, OLD = "new", "old"  # in a scratch folder: what is being written, and what it replaces

MAX_PER_CLASS = 100_000
"""Largest number of generated samples per class."""


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Args:
        folder: Folder that was written.
        generated: Number of generated samples of each class.
        sheets: Contact sheets, one of each class that has samples.
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


def count_wanted(
    classes: Mapping[str, Sequence[object]], per_class: int, fill_up: bool, where: object
) -> dict[str, int]:
    """How many samples each class gets.

    Args:
        classes: The originals of each class.
        per_class: Number of samples per class.
        fill_up: Whether that number counts the originals, so that rarer classes get more samples, and classes that have
            as many get none.
        where: Source of the originals, for errors.

    Raises:
        InputError: If no class would get any.

    Example:
        >>> count_wanted({"nevus": range(200), "melanoma": range(10)}, 200, fill_up=True, where="skin")
        {'nevus': 0, 'melanoma': 190}
    """
    if not fill_up:
        return dict.fromkeys(classes, per_class)
    wanted = {name: max(per_class - len(originals), 0) for name, originals in classes.items()}
    if not any(wanted.values()):
        fewest = min(map(len, classes.values()))
        raise InputError(f"{where}: every class has {fewest:,} or more; to fill up, ask for more than {fewest:,} each")
    return wanted


def sheets_in(out: Path, wanted: Mapping[str, int]) -> list[Path]:
    """The contact sheets of an export: one of each class that has samples.

    Args:
        out: Folder of the export.
        wanted: Number of samples of each class.

    Example:
        >>> [sheet.name for sheet in sheets_in(Path("generated"), {"cat": 2, "dog": 0})]
        ['cat.sheet.png']
    """
    return [out / sheet_name(name) for name, number in wanted.items() if number]


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
    return f"{_short_name(name)}.sheet.png"


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
        with open_file(manifest) as lines:
            for line in iter(lambda: read_line(lines, MANIFEST), b""):
                entry = parse_json(line, MANIFEST, Line, finite=False)
                if not set(KEYS) <= entry.keys():
                    return None
                written |= {entry["file"], entry["class"], sheet_name(entry["class"])}
                if isinstance(mask := dict(entry).get("mask"), str):
                    written |= {mask, mask.rpartition("/")[0]}
    except InputError:
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


def check_class_names(names: Iterable[str], where: str) -> None:
    """Raise an error unless each class can have a folder of its name in an export.

    Args:
        names: Names of the classes.
        where: Source of the classes, for errors.

    Raises:
        InputError: If a name is too long, or the export writes another file of this name.

    Example:
        >>> check_class_names(["cat", "cat.sheet.png"], "photos")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: photos: a class is called 'cat.sheet.png', as is a file that an export \
writes; rename it
    """
    names = list(names)
    taken = {MANIFEST, FEATURES, *map(sheet_name, names)}
    for name in names:
        if name in taken:
            raise InputError(
                f"{where}: a class is called '{short(name)}', as is a file that an export writes; rename it"
            )
        if len(os.fsencode(name)) > MAX_NAME:
            raise InputError(f"{where}: the class '{short(name)}' has a name of over {MAX_NAME} bytes; rename it")


@contextmanager
def write_folder_aside(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Write a new folder that replaces `out` when the block ends, and is removed if the block fails.

    What earlier writers that were killed left beside `out` is removed, or put back if it is all there is.

    Args:
        out: Folder to write.
        overwrite: Whether to replace an earlier export.

    Raises:
        InputError: If another process writes to `out`, or has done so since `check_target`.
        OSError: If the disk is full or may not be written; names `out`.

    Example:
        >>> target = Path(tempfile.mkdtemp()) / "generated"
        >>> with write_folder_aside(target) as folder:
        ...     (folder / "cat").mkdir()
        >>> [path.name for path in target.iterdir()]
        ['cat']
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{_short_name(out.name)}"
    with locked_file(out.parent / f"{prefix}.lock", out):
        _sweep(out, prefix)
        check_target(None, out, overwrite)
        scratch = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=out.parent))
        try:
            folder = scratch / NEW
            folder.mkdir()  # with the usual permissions, unlike the scratch folder
            with path_in_errors(out, instead_of=folder):
                yield folder
                _swap(folder, out, scratch / OLD)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _swap(folder: Path, out: Path, old: Path) -> None:
    """Put a folder in the place of another, which is put back if that fails."""
    if out.exists():
        out.replace(old)
    try:
        folder.replace(out)
    except OSError:
        if old.exists():
            old.replace(out)
        raise


def _sweep(out: Path, prefix: str) -> None:
    """Remove the scratch folders of writers that were killed; one that was killed in `_swap` had moved `out` away."""
    for scratch in out.parent.glob(f"{glob.escape(prefix)}-????????"):
        if not scratch.is_dir() or not {path.name for path in scratch.iterdir()} <= {NEW, OLD}:
            continue  # not ours
        if (scratch / OLD).exists() and not out.exists():
            (scratch / OLD).replace(out)
        shutil.rmtree(scratch, ignore_errors=True)


def _short_name(name: str) -> str:
    return name if len(name) <= STEM else f"{name[:STEM]}-{zlib.crc32(os.fsencode(name)):08x}"
