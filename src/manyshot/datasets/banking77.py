"""BANKING77: questions to a bank, 77 intents (Casanueva, Temčinas, Gerz, Henderson and Vulić 2020)."""

from pathlib import Path

from manyshot.datasets.fetch import fetch
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.datasets.table_reader import Columns, read_rows
from manyshot.tasks import Source

FOLDER = "banking77"
OFFICIAL = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data/"
FILES = tuple(
    PublishedFile(f"{split}.csv", f"{OFFICIAL}{split}.csv", None, 0, ("all", split)) for split in ("train", "test")
)


def build(split: str, root: Path | None, size: int | None, color: bool | None) -> Source:
    """Intents as classes.

    Args:
        split: Split "train", "test", or "all" for both.
        root: Folder that holds `train.csv` and `test.csv`.
        size: Ignored, since sentences have no size.
        color: Ignored, since sentences have no color.

    Raises:
        InputError: If a file is missing or has another layout.
    """
    texts, labels = [], []
    for file in FILES:
        if split in file.splits:
            for row in read_rows(fetch(FOLDER, file, root), Columns("text", "category")):
                texts.append(row.text)
                labels.append(row.label)
    return Source.of(texts, labels, name=f"banking77/{split}")


DATA_SET = DataSet(
    name="banking77",
    summary="13,083 questions to a bank of 77 intents",
    license="CC BY 4.0",
    homepage="https://github.com/PolyAI-LDN/task-specific-datasets",
    splits=("all", "train", "test"),
    build=build,
    files=FILES,
)
