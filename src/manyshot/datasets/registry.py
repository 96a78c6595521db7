"""The table of data sets, and the one way to load any of them or a folder of one's own."""

from pathlib import Path

from manyshot.base import InputError, did_you_mean
from manyshot.base.catalog import Catalog
from manyshot.datasets import banking77, cifar_fs, clinc150, digits, glyphs, huffpost, hwu64, omniglot
from manyshot.datasets import mnist as idx
from manyshot.datasets.centered import OVERSAMPLING, center_source
from manyshot.datasets.fetch import FileState, check_files
from manyshot.datasets.image_folder import SPLITS as SPLIT_NAMES
from manyshot.datasets.image_folder import load_folder
from manyshot.datasets.spec import DataSet
from manyshot.datasets.table_reader import Columns
from manyshot.datasets.text_table import holds_sentences, load_sentences
from manyshot.tasks import Source


class DataSets(Catalog[DataSet]):
    """The data sets that can be loaded by name."""

    def check(self, name: str, entry: object) -> None:
        """Refuse what does not describe a data set.

        Raises:
            InputError: If it is no `DataSet` of this name.
        """
        if not isinstance(entry, DataSet) or entry.name != name:
            raise InputError(f"data set '{name}': give a DataSet(name='{name}', ...)")


DATASETS = DataSets(
    "data set",
    {
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
                ink=True,
            ),
            DataSet(
                name="digits",
                summary="1,797 scanned handwritten digits, shipped with scikit-learn",
                licence="CC BY 4.0",
                homepage="https://archive.ics.uci.edu/dataset/80",
                splits=("all",),
                default_size=28,
                build=digits.build,
                ink=True,
            ),
            DataSet(
                name="omniglot",
                summary="1,623 handwritten characters of 50 alphabets, each drawn by 20 people",
                licence="MIT",
                homepage="https://github.com/brendenlake/omniglot",
                splits=("background", "evaluation", "small1", "small2"),
                default_size=28,
                build=omniglot.build,
                ink=True,
                files=omniglot.FILES,
            ),
            DataSet(
                name="mnist",
                summary="70,000 handwritten digits",
                licence="CC BY-SA 3.0",
                homepage="https://yann.lecun.com/exdb/mnist/",
                splits=("train", "test"),
                default_size=28,
                build=idx.builder("mnist", idx.MNIST_FILES, idx.DIGITS),
                ink=True,
                files=idx.MNIST_FILES,
            ),
            DataSet(
                name="fashion-mnist",
                summary="70,000 gray pictures of ten kinds of clothes",
                licence="MIT",
                homepage="https://github.com/zalandoresearch/fashion-mnist",
                splits=("train", "test"),
                default_size=28,
                build=idx.builder("fashion-mnist", idx.FASHION_FILES, idx.CLOTHES),
                files=idx.FASHION_FILES,
            ),
            DataSet(
                name="cifar-fs",
                summary="CIFAR-100 in 64, 16 and 20 classes of 600 small colour photographs",
                licence="research use",
                homepage="https://github.com/bertinetto/r2d2",
                splits=("train", "validation", "test"),
                default_size=32,
                build=cifar_fs.build,
                files=(cifar_fs.ARCHIVE,),
            ),
            DataSet(
                name="clinc150",
                summary="22,500 questions to an assistant of 150 intents in ten domains, and 1,200 out of scope",
                licence="CC BY 3.0",
                homepage="https://github.com/clinc/oos-eval",
                splits=tuple(clinc150.PARTS),
                default_size=None,
                build=clinc150.build,
                files=(clinc150.FILE, clinc150.DOMAINS),
            ),
            DataSet(
                name="banking77",
                summary="13,083 questions to a bank of 77 intents",
                licence="CC BY 4.0",
                homepage="https://github.com/PolyAI-LDN/task-specific-datasets",
                splits=("all", "train", "test"),
                default_size=None,
                build=banking77.build,
                files=banking77.FILES,
            ),
            DataSet(
                name="hwu64",
                summary="25,716 requests to a home assistant of 64 intents in 18 scenarios",
                licence="CC BY 4.0",
                homepage="https://github.com/xliuhw/NLU-Evaluation-Data",
                splits=("all",),
                default_size=None,
                build=hwu64.build,
                files=(hwu64.FILE,),
            ),
            DataSet(
                name="huffpost",
                summary="200,000 headlines of news in 41 categories",
                licence="CC BY 4.0",
                homepage="https://www.kaggle.com/datasets/rmisra/news-category-dataset",
                splits=("all",),
                default_size=None,
                build=huffpost.build,
                files=(huffpost.FILE,),
            ),
        )
    },
    group="manyshot.datasets",
)
"""Every data set by its name."""

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
) -> Source:
    """A data set by its name, or by its path a folder or zip of pictures, or a table or folder of sentences.

    Args:
        name_or_path: a name from `DATASETS`, or a path. A plain word that is a data set's name is taken as the name,
            even if a folder is called so too; write "./digits" for the folder.
        split: which part. If None, a data set's first one, and of a folder with parts "train"; "val" is "validation".
        root: folder that holds the official files, either in a folder of the data set's name or directly; if None, the
            environment variable `MANYSHOT_DATA`, and then a download. A path is looked for as it is, and then
            below `root`.
        size: height and width of the items in pixels; if None, the data set's own, and for a folder see `load_folder`.
        color: three channels (True) or one (False); as the data set or the pictures are if None.
        centered: Whether drawings are moved to the middle and brought to one size, see `manyshot.datasets.centered`;
            only for data sets of ink on paper.
        columns: where a table has its sentences and classes, see `manyshot.datasets.table_reader.Columns`.

    Returns:
        A source of uint8 images `[n, c, size, size]`, or of sentences.

    Raises:
        InputError: if the name, path or split is unknown, a file is missing or broken, what is to be centered is not
            known to be ink on paper, or sentences are asked for in pixels or pictures by columns.

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
        raise InputError(
            f"{name}: only drawings can be centered by their ink ({drawings}); leave that out (--centered)"
        )
    if not named:
        path = Path(name).expanduser()
        if root is not None and not path.exists():
            path = Path(root).expanduser() / name
        if not path.exists():
            raise InputError(f"no data set and no folder or zip '{name}'; {did_you_mean(name, DATASETS)}")
        if not holds_sentences(path):
            _refuse_columns(name, columns)
            return load_folder(path, split, size, color)
        _refuse_pixels(name, size, color)
        if split is not None:
            raise InputError(f"{name}: sentences of one file have no parts; leave the split out (--split)")
        return load_sentences(path, columns or Columns())
    row = DATASETS[name]
    name = row.name
    _refuse_columns(name, columns)
    if row.default_size is None:
        _refuse_pixels(name, size, color)
    chosen = row.splits[0] if split is None else split
    if chosen not in row.splits:
        chosen = SPLIT_NAMES.get(chosen, chosen)
    if chosen not in row.splits:
        raise InputError(f"{name}: no split '{split}'; {did_you_mean(chosen, row.splits)}")
    folder, pixels = None if root is None else Path(root).expanduser(), size or row.default_size
    if centered and pixels is not None:
        return center_source(row.build(chosen, folder, OVERSAMPLING * pixels, color), pixels)
    return row.build(chosen, folder, pixels, color)


def _refuse_pixels(name: str, size: int | None, color: bool | None) -> None:
    if size is not None or color is not None:
        raise InputError(f"{name}: holds sentences, which have neither size nor colour; leave those out (--size)")


def _refuse_columns(name: str, columns: Columns | None) -> None:
    if columns is not None:
        raise InputError(f"{name}: only tables of sentences have columns; leave those out (--text-column ...)")


def check_dataset(name: str, root: Path | str | None = None) -> list[FileState]:
    """Whether a data set's files are there and are the published ones; empty where it needs none.

    Raises:
        InputError: if the name is unknown or `root` is no folder.

    Example:
        >>> check_dataset("digits")
        []
    """
    if name not in DATASETS:
        raise InputError(f"no data set '{name}'; {did_you_mean(name, DATASETS)}")
    return check_files(folder_name(name), DATASETS[name].files, None if root is None else Path(root))


def folder_name(name: str) -> str:
    """The folder that holds a data set's files: its name with underscores.

    Example:
        >>> folder_name("cifar-fs")
        'cifar_fs'
    """
    return name.replace("-", "_")
