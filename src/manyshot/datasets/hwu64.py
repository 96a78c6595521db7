"""HWU64: requests to a home assistant, 64 intents of 18 scenarios (Liu, Eshghi, Swietojanski and Rieser 2019)."""

import csv
from pathlib import Path

from manyshot.base import InputError
from manyshot.datasets.fetch import fetch
from manyshot.datasets.spec import DataSet, PublishedFile
from manyshot.tasks import Source

FOLDER = "hwu64"
NAME = "NLU-Data-Home-Domain-Annotated-All.csv"
FILE = PublishedFile(
    NAME, f"https://raw.githubusercontent.com/xliuhw/NLU-Evaluation-Data/master/AnnotatedData/{NAME}", None, 0, ("all",)
)
FEWEST = 11
"""Sentences of an intent; scenarios and intents that are rarer are slips of the annotators."""


def build(split: str, root: Path | None, size: int | None, color: bool | None) -> Source:
    """Scenario and intent as class ("alarm_set"), scenarios as groups.

    Sentences that the annotators marked as irrelevant (their status begins with "IRR") are left out, as are repeated
    ones and intents with fewer than 11 sentences.

    Args:
        split: Split "all"; the cross-validation folds of its authors are not used.
        root: Folder that holds the annotated file.
        size: Ignored, since sentences have no size.
        color: Ignored, since sentences have no color.

    Raises:
        InputError: If the file is missing or has another layout.
    """
    path = fetch(FOLDER, FILE, root)
    sentences: dict[tuple[str, str], str] = {}
    # Quotes in this file are letters like any other: some are opened and never closed.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines, delimiter=";", quoting=csv.QUOTE_NONE)
        if not {"scenario", "intent", "status", "answer"} <= set(rows.fieldnames or ()):
            raise InputError(f"{path}: no columns scenario, intent, status and answer; fetch it again from {FILE.url}")
        for row in rows:
            scenario, intent, text = (str(row[name] or "").strip(' "') for name in ("scenario", "intent", "answer"))
            if not (row["status"] or "").startswith("IRR") and scenario and intent and text not in ("", "null"):
                sentences[f"{scenario}_{intent}", text] = scenario
    if not sentences:
        raise InputError(f"{path}: no sentences; fetch it again from {FILE.url}")
    labels = [label for label, _ in sentences]
    groups = {label: scenario for (label, _), scenario in sentences.items()}
    source = Source.of([text for _, text in sentences], labels, groups, name="hwu64/all")
    return source.subset(at_least=FEWEST)


DATA_SET = DataSet(
    name="hwu64",
    summary="25,716 requests to a home assistant of 64 intents in 18 scenarios",
    license="CC BY 4.0",
    homepage="https://github.com/xliuhw/NLU-Evaluation-Data",
    splits=("all",),
    build=build,
    files=(FILE,),
)
