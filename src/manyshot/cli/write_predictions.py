"""Predictions as CSV, JSON lines, JSON and a table."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyshot.base import InputError, check_replaceable, write_aside
from manyshot.cli.output import print_table

if TYPE_CHECKING:
    from manyshot.classify.model.predictions import Predictions

COLUMNS = ("file", "prediction", "probability")
MARKS = {".csv": ",".join(COLUMNS), ".jsonl": '"prediction": '}
"""Endings of files of predictions, and what every such file holds."""
DIGITS = 6
"""Decimals of probabilities in files."""


@dataclass(frozen=True)
class NamedPredictions:
    """Predictions with the names of examples and classes.

    Args:
        names: What each of the n examples is called, such as its path.
        class_names: Names of the c classes.
        predictions: Predictions for the n examples.
        top: Number of most probable classes to list for each example; 0 to list none.
    """

    names: Sequence[str]
    class_names: Sequence[str]
    predictions: "Predictions"
    top: int = 0

    def header(self) -> list[str]:
        """Columns of the CSV: those of `COLUMNS`, one per class, and two per rank of `top`.

        A class that has the name of a column before it gets "(class)" after its name.
        """
        from manyshot.classify.model.predictions import other_name

        columns = [*COLUMNS]
        for name in self.class_names:
            columns.append(other_name(name, columns, "class"))
        for rank in range(1, self.top + 1):
            columns += [other_name(f"{what}_{rank}", columns, "rank") for what in ("class", "probability")]
        return columns

    def rows(self) -> Iterator[list[str | float]]:
        """Cells of each row of the CSV."""
        for record in self.records():
            ranked = [cell for one in record.get("top", ()) for cell in (one["class"], one["probability"])]
            yield [*(record[name] for name in COLUMNS), *record["probabilities"].values(), *ranked]

    def records(self) -> Iterator[dict[str, Any]]:
        """Each prediction, for JSON: file, prediction, probability, probabilities by class, and `top` if asked for."""
        words = self.predictions.words(self.class_names)
        for name, word, probabilities in zip(self.names, words, self.predictions.probabilities.tolist(), strict=True):
            rounded = [round(value, DIGITS) for value in probabilities]
            record = {
                "file": name,
                "prediction": word,
                "probability": max(rounded),
                "probabilities": dict(zip(self.class_names, rounded, strict=True)),
            }
            if self.top:
                order = sorted(range(len(probabilities)), key=lambda c: -probabilities[c])[: self.top]
                record["top"] = [{"class": self.class_names[c], "probability": rounded[c]} for c in order]
            yield record


def check_answers_file(path: Path, overwrite: bool) -> None:
    """Refuse a file of predictions that cannot be written, before anything slow begins.

    Args:
        path: The file.
        overwrite: Whether it may be replaced, whatever it holds.

    Raises:
        InputError: If its name ends with none of `MARKS`, or it exists, holds no predictions and may not be replaced.
    """
    if path.suffix.lower() not in MARKS:
        raise InputError(f"--out {path}: end the name with {' or '.join(MARKS)}")
    if path.is_dir() or not overwrite:
        check_replaceable(path, MARKS[path.suffix.lower()])


def write_predictions(path: Path, named: NamedPredictions) -> None:
    """Write predictions as CSV or as JSON lines, by the ending of the file's name; whole or not at all.

    Args:
        path: The file.
        named: The predictions.
    """
    # Names of files that are no valid Unicode are escaped.
    with write_aside(path) as aside, aside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.writer(file)
            writer.writerow(named.header())
            writer.writerows(named.rows())
        else:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in named.records())


def print_predictions(named: NamedPredictions) -> None:
    """Print a table of predictions for a person to read.

    Args:
        named: The predictions.
    """
    rows = []
    for record in named.records():
        top = ", ".join(f"{one['class']} {one['probability']:.0%}" for one in record.get("top", ()))
        rows.append(
            [record["file"], record["prediction"], f"{record['probability']:.0%}", *([top] if named.top else [])]
        )
    columns = (*COLUMNS, *(["most probable classes"] if named.top else []))
    print_table(columns, rows, right=(2,))
