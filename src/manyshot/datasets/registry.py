"""The table of data sets, and `load_dataset` for these and for folders and tables of your own."""

from dataclasses import replace
from pathlib import Path

from manyshot.base import InputError, did_you_mean
from manyshot.base.entry_point_catalog import Catalog
from manyshot.datasets import banking77, cifar_fs, clinc150, digits, fsdd, glyphs, huffpost, hwu64, mnist, omniglot
from manyshot.datasets.centered import OVERSAMPLING, center_source
from manyshot.datasets.fetch import FileState, check_files
from manyshot.datasets.image_folder import SPLITS as SPLIT_NAMES
from manyshot.datasets.image_folder import load_folder
from manyshot.datasets.list_multipart import holds_parts
from manyshot.datasets.load_multipart import load_parts
from manyshot.datasets.load_volumes import load_volumes
from manyshot.datasets.picture_table import holds_picture_paths, load_picture_table
from manyshot.datasets.recordings import holds_recordings, load_recordings
from manyshot.datasets.spec import DataSet
from manyshot.datasets.table_reader import Columns, is_table
from manyshot.datasets.text_table import holds_sentences, load_sentences
from manyshot.datasets.volume_folder import holds_scans
from manyshot.tasks import Source


class DataSets(Catalog[DataSet]):
    """The data sets that can be loaded by name."""

    def check(self, name: str, entry: object) -> None:
        """Raise an error unless an entry describes a data set of this name.

        Raises:
            InputError: If it is not a `DataSet`, or has another name.
        """
        if not isinstance(entry, DataSet) or entry.name != name:
            raise InputError(f"data set '{name}': give a DataSet(name='{name}', ...)")


_INCLUDED = (
    glyphs.DATA_SET,
    digits.DATA_SET,
    omniglot.DATA_SET,
    mnist.MNIST,
    mnist.FASHION_MNIST,
    cifar_fs.DATA_SET,
    clinc150.DATA_SET,
    banking77.DATA_SET,
    hwu64.DATA_SET,
    huffpost.DATA_SET,
    fsdd.DATA_SET,
)
DATASETS = DataSets("data set", {row.name: row for row in _INCLUDED}, group="manyshot.datasets")
"""All data sets by name."""

SMALLEST, LARGEST = 4, 1024


def load_dataset(
    name_or_path: str | Path,
    split: str | None = None,
    *,
    root: Path | str | None = None,
    size: int | None = None,
    color: bool | None = None,
    centered: bool = False,
    columns: Columns | None = None,
    group_by: str | None = None,
    window: str | None = None,
) -> Source:
    """Load a data set by name, a folder or zip of images or recordings, a table of images or of sentences.

    A folder or zip of scans (NIfTI files, series of DICOM slices) gives volumes, see `manyshot.datasets.load_volumes`.
    A table with columns of pictures and texts, or a folder with `001.png` beside `001.txt`, gives examples of several
    parts, see `manyshot.datasets.load_multipart`.

    Args:
        name_or_path: Name from `DATASETS`, or a path. A string that is the name of a data set is taken as the name even
            if such a folder exists; write "./digits" for the folder.
        split: Split; if None, the first split of the data set, or "train" of a folder that is divided into splits.
            "val" means "validation".
        root: Folder that holds the official files, either directly or in a folder named after the data set; if None,
            `MANYSHOT_DATA` is searched, and then the files are downloaded. A relative path that does not exist is also
            searched for below `root`.
        size: Height and width of the images in pixels, or all sides of volumes; None for the default of the data set
            (of a folder, see `load_folder` and `load_volumes`).
        color: Three channels (True) or one (False); None to keep those of the data set or folder.
        centered: Whether to center drawings and scale them to one size, see `manyshot.datasets.centered`; only for data
            sets of ink on paper.
        columns: Columns of the sentences and classes in a table, see `manyshot.datasets.table_reader.Columns`.
        group_by: Regular expression on the path of an image that finds whose it is (see `load_folder`); of a table, the
            column that says it. The patients, or whoever it is, become the authors of the source.
        window: Which gray values of a folder of images become black and white, such as "minmax" (see `load_folder`).

    Returns:
        A source of uint8 images `[n, c, size, size]` or volumes `[n, c, size, size, size]`, of int16 sounds `[n, 1,
        samples]`, of sentences, or of `Parts`.

    Raises:
        InputError: If the name, path or split is unknown, a file is missing or damaged, `centered` is set for data that
            are not ink on paper, `size` or `color` for sentences, `columns` for images, or `group_by` or `window` for
            anything but a folder of images.

    Example:
        >>> load_dataset("digits").class_names[:3]
        ('0', '1', '2')
    """
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise InputError(f"size={size}: give from {SMALLEST} to {LARGEST} pixels")
    name = str(name_or_path)
    named = name in DATASETS and not isinstance(name_or_path, Path)
    if centered and not (named and DATASETS[name].ink):
        drawings = ", ".join(row.name for row in DATASETS.values() if row.ink)
        raise InputError(f"{name}: only drawings can be centered ({drawings}); leave centered (--centered) out")
    if named:
        row = DATASETS[name]
        _refuse_groups(row.name, group_by)
        _refuse_window(row.name, window)
        _refuse_columns(row.name, columns)
        return _load_named(row, split, None if root is None else Path(root).expanduser(), size, color, centered)
    path = Path(name).expanduser()
    if root is not None and not path.exists():
        path = Path(root).expanduser() / name
    if not path.exists():
        raise InputError(f"no data set and no folder or zip '{name}'; {did_you_mean(name, DATASETS)}")
    return _load_path(path, name, split, size, color, columns, group_by, window)


def _load_named(
    row: DataSet, split: str | None, folder: Path | None, size: int | None, color: bool | None, centered: bool
) -> Source:
    """Load a data set of the registry."""
    if row.default_size is None:
        _refuse_pixels(row.name, size, color)
    chosen = row.splits[0] if split is None else split
    if chosen not in row.splits:
        chosen = SPLIT_NAMES.get(chosen, chosen)
    if chosen not in row.splits:
        raise InputError(f"{row.name}: no split '{split}'; {did_you_mean(chosen, row.splits)}")
    pixels = size or row.default_size
    if centered and pixels is not None:
        return center_source(row.build(chosen, folder, OVERSAMPLING * pixels, color), pixels)
    return row.build(chosen, folder, pixels, color)


def _load_path(
    path: Path,
    name: str,
    split: str | None,
    size: int | None,
    color: bool | None,
    columns: Columns | None,
    group_by: str | None,
    window: str | None,
) -> Source:
    """Load a folder, zip or table by what it holds; errors name it as the user did."""
    if holds_parts(path, columns):
        _refuse_window(name, window)
        return load_parts(path, columns, split, size, color, group_by)
    if holds_scans(path):
        _refuse_columns(name, columns)
        if split is not None or color is not None:
            raise InputError(f"{name}: scans have no splits and no colors; leave split (--split) and color out")
        return load_volumes(path, size, group_by, window)
    if holds_recordings(path):
        _refuse_window(name, window)
        _refuse_pixels(name, size, color)
        return load_recordings(path, split, columns=columns)
    if holds_picture_paths(path, columns):
        return load_picture_table(path, replace(columns or Columns(), group=group_by), size, color, window)
    if not holds_sentences(path):
        _refuse_columns(name, columns)
        return load_folder(path, split, size, color, group_by, window)
    if not is_table(path):
        _refuse_groups(name, group_by)
    _refuse_window(name, window)
    _refuse_pixels(name, size, color)
    if split is not None:
        raise InputError(f"{name}: a table or folder of sentences has no splits; leave split (--split) out")
    return load_sentences(path, replace(columns or Columns(), group=group_by))


def absolute_data(data: str) -> str:
    """The absolute path of data in a folder or file, so that they can be loaded from any folder.

    Args:
        data: Name of a data set, which stays as it is, or path; a path that does not exist stays as well, since it may
            lie below a root.

    Example:
        >>> absolute_data("digits")
        'digits'
    """
    path = Path(data).expanduser()
    return data if data in DATASETS or not path.exists() else str(path.resolve())


def _refuse_pixels(name: str, size: int | None, color: bool | None) -> None:
    if size is not None or color is not None:
        raise InputError(f"{name}: no pictures, so there is no size or color; leave size (--size) and color out")


def _refuse_groups(name: str, group_by: str | None) -> None:
    if group_by is not None:
        raise InputError(
            f"{name}: only images of a folder and rows of a table are grouped; leave group_by (--group-by) out"
        )


def _refuse_window(name: str, window: str | None) -> None:
    if window is not None:
        raise InputError(f"{name}: only images of a folder have a window; leave window (--window) out")


def _refuse_columns(name: str, columns: Columns | None) -> None:
    if columns is not None:
        raise InputError(f"{name}: only tables of sentences have columns; leave columns (--text-column ...) out")


def check_dataset(name: str, root: Path | str | None = None) -> list[FileState]:
    """Check the files of a data set against their published checksums.

    Args:
        name: Name of the data set.
        root: Folder that holds the official files, see `load_dataset`.

    Returns:
        The state of each file; empty if the data set needs no files.

    Raises:
        InputError: If the name is unknown or `root` is not a folder.

    Example:
        >>> check_dataset("digits")
        []
    """
    if name not in DATASETS:
        raise InputError(f"no data set '{name}'; {did_you_mean(name, DATASETS)}")
    return check_files(folder_name(name), DATASETS[name].files, None if root is None else Path(root))


def folder_name(name: str) -> str:
    """Name of the folder of a data set's files: its own name with underscores.

    Example:
        >>> folder_name("cifar-fs")
        'cifar_fs'
    """
    return name.replace("-", "_")
