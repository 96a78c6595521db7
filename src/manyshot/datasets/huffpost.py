"""HuffPost: headlines of news in 41 categories (Misra 2022), the few-shot split by Bao et al. 2020."""

from pathlib import Path

from manyshot.datasets.fetch import fetch
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.datasets.table_reader import Columns, read_rows
from manyshot.tasks import Source

FOLDER = "huffpost"
FILE = PublishedFile(
    "News_Category_Dataset_v3.json",
    "https://www.kaggle.com/datasets/rmisra/news-category-dataset",
    None,
    0,
    ("all",),
    alternatives=("News_Category_Dataset_v2.json",),
)


def build(split: str, root: Path | None, size: int | None, color: bool | None) -> Source:
    """Categories as classes, headlines as sentences; each headline once a category.

    Args:
        split: Split "all".
        root: Folder that holds the file, in its second or third version.
        size: Ignored, since sentences have no size.
        color: Ignored, since sentences have no color.

    Raises:
        InputError: If the file is missing or has another layout.
    """
    path = fetch(FOLDER, FILE, root)
    rows = read_rows(path, Columns("headline", "category"))
    sentences = dict.fromkeys((row.label, row.text) for row in rows if row.text)
    return Source.of([text for _, text in sentences], [label for label, _ in sentences], name="huffpost/all")


DATA_SET = DataSet(
    name="huffpost",
    summary="200,000 headlines of news in 41 categories",
    license="CC BY 4.0",
    homepage="https://www.kaggle.com/datasets/rmisra/news-category-dataset",
    splits=("all",),
    build=build,
    files=(FILE,),
)
