"""Load examples of several parts as a source: a table, or files of one name in class folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyshot.base import InputError, note, track
from manyshot.datasets.folder_or_zip import ItemFile
from manyshot.datasets.image_folder import LARGEST_OWN_SIZE, USUAL_SIZE
from manyshot.datasets.list_multipart import ListedParts, list_parts
from manyshot.datasets.pictures import decode_all, read_header
from manyshot.datasets.recordings import loudest_part, usual_length
from manyshot.datasets.sound_files import decode_mono
from manyshot.datasets.table_reader import Columns
from manyshot.tasks import Parts, Source

MOST_BYTES = 8_000_000_000
"""Most bytes of the decoded pictures, or recordings, of all examples."""


def load_parts(
    path: Path,
    columns: Columns | None = None,
    split: str | None = None,
    size: int | None = None,
    color: bool | None = None,
    group_by: str | None = None,
) -> Source:
    r"""Load examples of several parts, of which any may be missing: an empty cell, or a file that is not there.

    A line is printed of what was taken as what. Numbers that are missing are the mean of their column, unless all
    numbers of an example are missing, which makes the part missing.

    Args:
        path: Table with columns of texts, numbers, and paths of pictures and recordings; or folder or zip with a folder
            per class, in which `001.png`, `001.txt` and `001.wav` are one example.
        columns: Columns of a table; `columns.parts` says which are parts.
        split: Split of a folder that has splits.
        size: Height and width of pictures in pixels, see `load_folder`.
        color: Three channels (True) or one (False); None for three if any picture has colors.
        group_by: Column of a table, or regular expression on paths, that names whose example it is.

    Returns:
        A source of `Parts`; of a single part, if there is only one.

    Raises:
        InputError: As `list_parts`, and if a file is damaged or everything is too large.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
        >>> _ = path.write_text("label,caption,age,weight\ncat,it purrs,3,4\ndog,,5,\ndog,it barks,,30\n")
        >>> load_parts(path, Columns(parts="auto")).store
        Parts(3 examples: caption texts (1 missing), numbers [2] float32)
    """
    listed = list_parts(path, columns, split, group_by)
    note(listed.describe())
    values: dict[str, Any] = {}
    there: dict[str, Tensor] = {}
    for name, kind in listed.kinds.items():
        cells = [row.cells[name] for row in listed.rows]
        known = [cell is not None for cell in cells]
        present = [cell for cell in cells if cell is not None]
        if not present:
            raise InputError(f"{path}: no example has the part '{name}'; leave it out of --parts")
        there[name] = torch.tensor(known)
        if kind == "texts":
            values[name] = [cell or "" for cell in cells]
            continue
        if kind == "images":
            decoded = _pictures(listed, name, present, size, color)
        elif kind == "sounds":
            decoded = _sounds(listed, name, present)
        else:
            decoded = fill_numbers(np.array(present, dtype=np.float64))
        whole = torch.zeros(len(cells), *decoded.shape[1:], dtype=decoded.dtype)
        whole[there[name]] = decoded
        values[name] = whole
    source = path.resolve().stem + ("" if listed.split is None else f"/{listed.split}")
    groups = [row.group for row in listed.rows]
    store = Parts(values, there)
    return Source.of(
        store if len(values) > 1 or not bool(there[next(iter(there))].all()) else next(iter(values.values())),
        [str(row.label) for row in listed.rows],
        authors=None if groups[0] is None else [str(group) for group in groups],
        name=source,
    )


def fill_numbers(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> Tensor:
    """Numbers with the mean of their column in place of NaN, as float32; 0 where a column has none.

    Args:
        numbers: Numbers `[n, d]`.

    Example:
        >>> fill_numbers(np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]]))
        tensor([[1., 0.],
                [3., 0.],
                [2., 0.]])
    """
    known = ~np.isnan(numbers)
    means = np.where(known, numbers, 0).sum(0) / np.maximum(known.sum(0), 1)
    return torch.from_numpy(np.where(known, numbers, means)).float()


def _pictures(
    listed: ListedParts, name: str, files: Sequence[ItemFile], size: int | None, color: bool | None
) -> Tensor:
    if size is None or color is None:
        headers = [read_header(file.read(), file.where) for file in track(files, f"read {name}")]
        sizes = {(header.height, header.width) for header in headers}
        height, width = min(sizes)
        own = height if len(sizes) == 1 and height == width <= LARGEST_OWN_SIZE else USUAL_SIZE
        size, color = size or own, any(header.color for header in headers) if color is None else color
    channels = 3 if color else 1
    if len(files) * channels * size * size > MOST_BYTES:
        raise InputError(f"{listed.path}: {len(files):,} pictures of {size} pixels: too many; give a smaller --size")
    pixels = np.empty((len(files), channels, size, size), dtype=np.uint8)
    indices = track(range(len(files)), f"decode {name}")
    decode_all(indices, lambda i: (files[i].read(), files[i].where), pixels, color)
    return torch.from_numpy(pixels)


def _sounds(listed: ListedParts, name: str, files: Sequence[ItemFile]) -> Tensor:
    sounds = [decode_mono(file.read(), file.where) for file in track(files, f"decode {name}")]
    length = usual_length(sounds)
    if 2 * length * len(sounds) > MOST_BYTES:
        raise InputError(f"{listed.path}: {len(sounds):,} recordings are too many; give fewer")
    return torch.stack([loudest_part(sound, length) for sound in sounds])[:, None]
