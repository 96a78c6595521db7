"""Descriptions of data sets and of their published files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.tasks import Source

Build = Callable[[str, Path | None, Any, bool | None], Source]
"""Function that builds the source of a split: `build(split, root, size, color)`; the size is None for sentences."""


@dataclass(frozen=True)
class PublishedFile:
    """A file of a data set, as its authors publish it.

    Args:
        name: Name of the file.
        url: URL to download it from.
        checksum: Checksum "sha256:..." or "md5:..."; None if it is not known, and then the file is not downloaded.
        bytes: Size in bytes; 0 if it is not known.
        splits: Splits that need the file.
        alternatives: Names that are accepted in its place, such as the name of the unpacked folder.
    """

    name: str
    url: str
    checksum: str | None
    bytes: int
    splits: tuple[str, ...]
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """Description of a data set.

    Args:
        name: Name for `load_dataset` and the command line.
        summary: One line that says what it contains.
        license: License of its authors.
        homepage: URL of its description.
        splits: Splits that can be loaded; the first is the default.
        build: Function that builds the source of a split.
        default_size: Default height and width of the images in pixels; None for sentences and sounds.
        sounds: Whether the examples are sounds.
        ink: Whether the images are bright ink on a black background (handwriting, print).
        files: Files that are downloaded; empty if an installed package contains the data.
    """

    name: str
    summary: str
    license: str
    homepage: str
    splits: tuple[str, ...]
    build: Build
    default_size: int | None = None
    sounds: bool = False
    ink: bool = False
    files: tuple[PublishedFile, ...] = ()
