"""The folder that an export writes: the names in it, whether a folder holds nothing else, and how it comes to be."""

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyshot.base import InputError

MANIFEST = "manifest.jsonl"
KEYS = ("file", "class", "source", "number", "ops", "params", "seed", "plan")
"""What each line of a manifest tells."""
STEM = 60  # letters; with the number it stays below the 255 bytes that a file name may have
SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # what looking into a folder leaves in it


def sheet_name(name: str) -> str:
    """The file name of a class's contact sheet.

    Example:
        >>> sheet_name("cat")
        'cat.sheet.png'
    """
    short = name if len(name) <= STEM else f"{name[:STEM]}-{zlib.crc32(os.fsencode(name)):08x}"
    return f"{short}.sheet.png"


def not_ours(folder: Path) -> str | None:
    """The first thing in a folder that no export wrote there, or None if an export wrote all of it.

    What the folder's manifest names counts as written by an export; a manifest of another kind does not count.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "manifest.jsonl").write_text('{"shipped": "by sea"}')
        >>> not_ours(folder)
        'manifest.jsonl'
    """
    written = _written(folder / MANIFEST)
    if written is None:
        return MANIFEST if (folder / MANIFEST).exists() else next((path.name for path in folder.iterdir()), None)
    return next((name for name in _listed(folder) if name not in written and Path(name).name not in SYSTEM), None)


def _written(manifest: Path) -> set[str] | None:
    """Every path that a manifest speaks of, or None if it is none of ours."""
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
    """Make sure that a folder may be written.

    Args:
        pictures: what samples are made of, if of pictures.
        out: the folder to write.
        overwrite: whether what an earlier export wrote may be replaced.

    Raises:
        InputError: if something else is there, or it lies inside of the pictures' folder.

    Example:
        >>> check_target(Path("photos"), Path("photos/made"), overwrite=False)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: photos/made: lies inside of the pictures' folder; name a folder beside it
    """
    if pictures is not None and out.resolve().is_relative_to(pictures.resolve()):
        raise InputError(f"{out}: lies inside of the pictures' folder; name a folder beside it")
    if not (out.exists() or out.is_symlink()):
        return
    if not out.is_dir() or out.is_symlink():
        raise InputError(f"{out}: is there and is no folder; name another")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise InputError(f"{out}: the folder is not empty; name another, or add --overwrite")
    foreign = not_ours(out)
    if foreign is not None:
        raise InputError(
            f"{out}: only what an earlier export wrote is overwritten, and '{foreign}' is not; move it away, "
            "or name another folder"
        )


@contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place at the end, or goes when the block fails.

    Example:
        >>> target = Path(tempfile.mkdtemp()) / "made"
        >>> with aside(target) as folder:
        ...     (folder / "cat").mkdir()
        >>> [path.name for path in target.iterdir()]
        ['cat']
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name[:STEM]}-", dir=out.parent))
    try:
        folder = scratch / "new"
        folder.mkdir()  # with the permissions that the person's folders have, unlike the scratch folder
        yield folder
        if out.exists():
            out.replace(scratch / "old")
        folder.replace(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
