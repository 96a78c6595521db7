"""CLINC150: questions to an assistant, 150 intents in ten domains (Larson et al. 2019)."""

from pathlib import Path
from typing import Any

from manyshot.base import InputError, read_json
from manyshot.datasets.fetch import fetch, find_file
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.tasks import Source

FOLDER = "clinc150"
OFFICIAL = "https://raw.githubusercontent.com/clinc/oos-eval/master/data/"
FILE = PublishedFile(
    "data_full.json", f"{OFFICIAL}data_full.json", None, 0, ("all", "train", "validation", "test", "out-of-scope")
)
DOMAINS = PublishedFile("domains.json", f"{OFFICIAL}domains.json", None, 0, ("all", "train", "validation", "test"))
PARTS = {
    "all": ("train", "val", "test"),
    "train": ("train",),
    "validation": ("val",),
    "test": ("test",),
    "out-of-scope": ("oos_train", "oos_val", "oos_test"),
}


def build(split: str, root: Path | None, size: int | None, color: bool | None) -> Source:
    """Intents as classes, domains as groups where `domains.json` is there too.

    Args:
        split: Split "train" (100 sentences a class), "validation" (20), "test" (30), "all" (150), or "out-of-scope",
            the 1,200 sentences that belong to no intent, as one class.
        root: Folder that holds the files.
        size: Ignored, since sentences have no size.
        color: Ignored, since sentences have no color.

    Raises:
        InputError: If the file is missing or has another layout.
    """
    path = fetch(FOLDER, FILE, root)
    content = read_json(path)
    texts, labels = [], []
    for part in PARTS[split]:
        for row in _rows(content, part, path):
            texts.append(row[0])
            labels.append(row[1])
    groups = None
    domains = find_file(FOLDER, DOMAINS, root)
    if domains is not None and split != "out-of-scope":
        groups = _groups(read_json(domains), domains)
    return Source.of(texts, labels, groups, name=f"clinc150/{split}")


def _rows(content: Any, part: str, path: Path) -> list[list[str]]:  # noqa: ANN401 - from a file
    rows: Any = content.get(part) if isinstance(content, dict) else None
    whole = isinstance(rows, list) and all(
        isinstance(row, list) and len(row) == 2 and all(isinstance(value, str) for value in row) for row in rows
    )
    if not whole or not rows:
        raise InputError(f"{path}: no '{part}' of pairs of text and intent; fetch it again from {FILE.url}")
    result: list[list[str]] = rows
    return result


def _groups(content: Any, path: Path) -> dict[str, str]:  # noqa: ANN401 - from a file
    try:
        return {intent: domain for domain, intents in content.items() for intent in intents}
    except (AttributeError, TypeError):
        raise InputError(f"{path}: not intents by domain; fetch it again from {DOMAINS.url}") from None


DATA_SET = DataSet(
    name="clinc150",
    summary="22,500 questions to an assistant of 150 intents in ten domains, and 1,200 out of scope",
    license="CC BY 3.0",
    homepage="https://github.com/clinc/oos-eval",
    splits=tuple(PARTS),
    build=build,
    files=(FILE, DOMAINS),
)
