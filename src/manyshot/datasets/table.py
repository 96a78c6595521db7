"""The table of data sets, and the one way to load any of them or a folder of one's own."""

from pathlib import Path

from manyshot.base import InputError, did_you_mean
from manyshot.datasets import digits, glyphs
from manyshot.datasets.data_set import DataSet
from manyshot.datasets.fetch import FileState, check_files
from manyshot.tasks import Source

DATASETS: dict[str, DataSet] = {
    row.name: row
    for row in (
        DataSet(
            name="glyphs",
            summary="printed letters of eleven scripts in up to 22 typefaces, drawn from matplotlib's fonts",
            licence="free fonts (Bitstream Vera, SIL Open Font)",
            homepage="https://matplotlib.org",
            splits=glyphs.SPLITS,
            default_size=28,
            build=glyphs.build,
        ),
        DataSet(
            name="digits",
            summary="1,797 scanned handwritten digits, shipped with scikit-learn",
            licence="CC BY 4.0",
            homepage="https://archive.ics.uci.edu/dataset/80",
            splits=("all",),
            default_size=28,
            build=digits.build,
        ),
    )
}

SMALLEST, LARGEST = 4, 1024


def load(
    name_or_path: str | Path,
    split: str | None = None,
    *,
    root: Path | str | None = None,
    size: int | None = None,
    color: bool | None = None,
) -> Source:
    """A data set by its name.

    Args:
        name_or_path: a name from `DATASETS`.
        split: which part; the data set's first one if None.
        root: folder that holds the official files, either in a folder of the data set's name or directly; if None, the
            environment variable `MANYSHOT_DATA`, and then a download.
        size: height and width of the items in pixels; the data set's own if None.
        color: three channels (True) or one (False); the data set's own if None.

    Returns:
        A source of uint8 images `[n, c, size, size]`.

    Raises:
        InputError: if the name or split is unknown, or a file is missing or broken.

    Example:
        >>> load("digits").class_names[:3]
        ('0', '1', '2')
    """
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise InputError(f"size={size}: give from {SMALLEST} to {LARGEST} pixels")
    name = str(name_or_path)
    if name not in DATASETS:
        raise InputError(f"no data set '{name}'; {did_you_mean(name, DATASETS)}")
    row = DATASETS[name]
    chosen = row.splits[0] if split is None else split
    if chosen not in row.splits:
        raise InputError(f"{name}: no split '{chosen}'; {did_you_mean(chosen, row.splits)}")
    return row.build(chosen, None if root is None else Path(root).expanduser(), size or row.default_size, color)


def check(name: str, root: Path | str | None = None) -> list[FileState]:
    """Whether a data set's files are there and are the published ones; empty where it needs none.

    Raises:
        InputError: if the name is unknown or `root` is no folder.

    Example:
        >>> check("digits")
        []
    """
    if name not in DATASETS:
        raise InputError(f"no data set '{name}'; {did_you_mean(name, DATASETS)}")
    return check_files(folder_of(name), DATASETS[name].files, None if root is None else Path(root))


def folder_of(name: str) -> str:
    """The folder that holds a data set's files: its name with underscores.

    Example:
        >>> folder_of("cifar-fs")
        'cifar_fs'
    """
    return name.replace("-", "_")
