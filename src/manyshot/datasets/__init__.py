"""Data sets by name, one file each, and folders and tables of your own: everything is loaded as a `Source`."""

from manyshot.datasets.fetch import FileState
from manyshot.datasets.image_folder import file_names
from manyshot.datasets.one_shot_runs import OneShotRuns, load_one_shot_runs
from manyshot.datasets.registry import DATASETS, absolute_data, check_dataset, load_dataset
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.datasets.table_reader import Columns

__all__ = [
    "DATASETS",
    "Columns",
    "DataSet",
    "FileState",
    "OneShotRuns",
    "PublishedFile",
    "absolute_data",
    "check_dataset",
    "file_names",
    "load_dataset",
    "load_one_shot_runs",
]
