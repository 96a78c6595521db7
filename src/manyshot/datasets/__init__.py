"""One file a data set: official files in, a `Source` a split out."""

from manyshot.datasets.data_set import DataSet, PublishedFile
from manyshot.datasets.fetch import FileState
from manyshot.datasets.image_folder import file_names
from manyshot.datasets.one_shot_runs import OneShotRuns, one_shot_runs
from manyshot.datasets.table import DATASETS, check, load
from manyshot.datasets.table_rows import Columns

__all__ = [
    "DATASETS",
    "Columns",
    "DataSet",
    "FileState",
    "OneShotRuns",
    "PublishedFile",
    "check",
    "file_names",
    "load",
    "one_shot_runs",
]
