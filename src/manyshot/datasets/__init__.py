"""One file a data set: official files in, a `Source` a split out."""

from manyshot.datasets.data_set import DataSet, PublishedFile
from manyshot.datasets.fetch import FileState
from manyshot.datasets.table import DATASETS, check, load

__all__ = ["DATASETS", "DataSet", "FileState", "PublishedFile", "check", "load"]
