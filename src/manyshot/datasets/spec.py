"""What is known of a data set before any of its files is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.tasks import Source

Build = Callable[[str, Path | None, Any, bool | None], Source]
"""Makes the source of a split: `build(split, root, size, color)`; the size is None for sentences."""


@dataclass(frozen=True)
class PublishedFile:
    """A file as its authors publish it.

    Args:
        name: the file's own name.
        url: where it can be fetched from.
        checksum: "sha256:..." or "md5:..."; None for a file that is used where it is found and is not downloaded, since
            no checksum of it is known.
        bytes: its length; 0 where it is not known.
        splits: the splits that are made from it.
        alternatives: names that do in its place, such as that of the unpacked folder.
    """

    name: str
    url: str
    checksum: str | None
    bytes: int
    splits: tuple[str, ...]
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """A row of the table of data sets.

    Args:
        name: what `load` and the command line call it.
        summary: one line that says what it holds.
        licence: the terms of its authors.
        homepage: where it is described.
        splits: what can be loaded; the first one when none is named.
        default_size: height and width of its items in pixels, unless another is asked for; None for sentences.
        build: makes the source of a split.
        ink: its items are ink 1 on paper 0 (handwriting, print), best looked at as dark ink on white paper.
        files: what has to be fetched; nothing where a package that is installed anyway holds the data.
    """

    name: str
    summary: str
    licence: str
    homepage: str
    splits: tuple[str, ...]
    default_size: int | None
    build: Build
    ink: bool = False
    files: tuple[PublishedFile, ...] = ()
