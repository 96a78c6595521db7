"""`manyshot predict`: what a fitted classifier says of new pictures or sentences."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, check_out, quieten
from manyshot.cli.output import print_json, say
from manyshot.cli.resumable import resumable
from manyshot.cli.shared_options import ENCODING, TEXT_COLUMN, Json, Quiet, examples
from manyshot.cli.write_predictions import NamedPredictions, check_answers_file, print_predictions, write_predictions

if TYPE_CHECKING:
    from manyshot.classify import ExampleSet, Model, PartedExamples, PartsModel, Predictions
    from manyshot.datasets import Columns

EXAMPLES = examples(
    "manyshot predict model new/ --out answers.csv",
    "manyshot predict model a.jpg b.jpg scans.zip --top 3",
    "manyshot predict model questions.csv --text-column question --out answers.jsonl",
    'echo "where is my parcel" | manyshot predict model - --json',
    "manyshot predict model unlabeled/ --next 10",
    "",
    "CSV has the columns file, prediction, probability, and one per class; JSON lines have the same names.",
)

MOST_COUNTS = 12
"""Number of classes whose counts are printed."""


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `manyshot fit` wrote.")],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS...",
            help="Pictures, folders, zips, tables of sentences or of paths; '-' reads a path or sentence a line.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write: .csv or .jsonl; a table is printed if not given.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="List the K most probable classes of each example, in order.")
    ] = None,
    next_: Annotated[
        int | None, typer.Option("--next", min=1, help="Name the K examples that are most worth labeling next.")
    ] = None,
    text_column: Annotated[str | None, TEXT_COLUMN] = None,
    encoding: Annotated[str | None, ENCODING] = None,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace --out even if it holds something else than predictions.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict classes with calibrated probabilities; 'unknown' is what is unlike every class."""
    from manyshot.classify import load_any_model, load_unlabeled
    from manyshot.classify.multipart.parts_model import PartsModel
    from manyshot.datasets import Columns
    from manyshot.runtime.device import require_device

    quieten(quiet)
    require_device(device)
    if out is not None:
        out = out.expanduser()
        check_out(out, beside=True)
        check_answers_file(out, overwrite)
    fitted = load_any_model(model)
    columns = Columns(text_column, None, encoding or "utf-8")
    examples_: ExampleSet | PartedExamples
    with resumable("run the same command again: examples that were encoded are in the cache"):
        if isinstance(fitted, PartsModel):
            examples_ = unlabeled_parts(fitted, paths, columns)
            predictions = fitted.predict(examples_, device=device, title="predict")
        else:
            examples_ = load_unlabeled(paths, kind=fitted.kind, columns=columns, window=fitted.window)
            predictions = fitted.predict(examples_, device=device, title="predict")
    named = NamedPredictions(examples_.names, fitted.class_names, predictions, min(top or 0, len(fitted.class_names)))
    chosen = _chosen(fitted, examples_, predictions, next_)
    if out is not None:
        write_predictions(out, named)
    if as_json:
        print_json(_summary(fitted, named, out, chosen))
        return
    if out is None:
        print_predictions(named)
    _print_summary(fitted, named, out, chosen)


def unlabeled_parts(model: "PartsModel", paths: list[str], columns: "Columns") -> "PartedExamples":
    """Examples of several parts to be classified: one table, or one folder.

    Args:
        model: The model, which knows what columns it takes.
        paths: One path.
        columns: Encoding of a table.

    Raises:
        InputError: If there are several paths, or the examples cannot be read.
    """
    from manyshot.classify.multipart.parted_examples import load_parted
    from manyshot.datasets.table_records import is_records

    if len(paths) > 1 or paths[0] == "-":
        raise InputError("the model takes examples of several parts; name one table, or one folder, of them")
    path = Path(paths[0]).expanduser()
    return load_parted(path, columns=columns, labeled=False, kinds=model.columns if is_records(path) else None)


def _chosen(
    model: "Model | PartsModel",
    unlabeled: "ExampleSet | PartedExamples",
    predictions: "Predictions",
    count: int | None,
) -> list[str] | None:
    """Names of the examples most worth labeling; None where they were not asked for."""
    from manyshot.classify import choose_next

    if count is None:
        return None
    return [unlabeled.names[i] for i in choose_next(model, unlabeled, count, predictions)]


def _summary(
    model: "Model | PartsModel", named: NamedPredictions, out: Path | None, chosen: list[str] | None
) -> dict[str, Any]:
    """What was predicted, for JSON; each prediction too where no file was written."""
    answer: dict[str, Any] = {
        "file": None if out is None else str(out),
        "examples": len(named.names),
        "unknown": int(named.predictions.unknown.sum()),
        "false_alarms": model.false_alarms,
        "counts": _counts(named),
    }
    answer |= {} if out is not None else {"predictions": list(named.records())}
    return answer if chosen is None else answer | {"next": chosen}


def _counts(named: NamedPredictions) -> dict[str, int]:
    """How often each class, or none, was predicted; the most frequent first."""
    return dict(Counter(named.predictions.words(named.class_names)).most_common())


def _print_summary(
    model: "Model | PartsModel", named: NamedPredictions, out: Path | None, chosen: list[str] | None
) -> None:
    counts = ", ".join(f"{word} {count:,}" for word, count in [*_counts(named).items()][:MOST_COUNTS])
    more = ", ..." if len(_counts(named)) > MOST_COUNTS else ""
    say(f"{len(named.names):,} predictions: {counts}{more}" + ("" if out is None else f"; in {out}"))
    if named.predictions.unknown.any():
        print(
            f"Unknown examples are unlike every class; so are judged about {model.false_alarms:.0%} of the "
            "examples of the classes, too"
        )
    if chosen is not None:
        print("Label these next (uncertain, and unlike each other; the most valuable first):")
        for name in chosen:
            say(name)
