"""The folder that an export writes: the names in it, and whether a folder holds nothing else."""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

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
