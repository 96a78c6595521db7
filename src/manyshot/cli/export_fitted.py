"""`manyshot export MODEL`: a fitted classifier as one file that runs without Manyshot."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from manyshot.base import InputError, note
from manyshot.cli.output import print_json, say

if TYPE_CHECKING:
    from manyshot.classify import ExampleSet, Model, PartedExamples, PartsModel
    from manyshot.classify.export.export_model import ExportReport


def export_fitted(folder: Path, out: Path, to: str, like: Path | None, overwrite: bool, as_json: bool) -> None:
    """Write a fitted model as one file, and print how far its probabilities are from the model's.

    Args:
        folder: Folder that `fit` wrote.
        out: File to write.
        to: Its format.
        like: Examples that the file is run on; if None, those that the model was fitted to, where they are still there.
        overwrite: Whether a file may be replaced.
        as_json: Print JSON.

    Raises:
        InputError: See `export_model`.
    """
    from manyshot.classify.export.export_model import check_target, export_model
    from manyshot.classify.model.save_load_model import load_any_model
    from manyshot.classify.multipart.parts_model import PartsModel

    check_target(out, to, overwrite)
    model = load_any_model(folder)
    found = _parted(model, like) if isinstance(model, PartsModel) else _examples(model, like)
    report = export_model(model, out, to, found, overwrite)
    if as_json:
        print_json({name: str(value) if name == "path" else value for name, value in asdict(report).items()})
        return
    _print(report, "examples" if isinstance(model, PartsModel) else model.kind)


def _parted(model: "PartsModel", like: Path | None) -> "PartedExamples | None":
    """Examples of several parts to run the file on; None where there are none."""
    from manyshot.classify.multipart.parted_examples import load_parted
    from manyshot.datasets.table_records import is_records

    path = like or Path(str(model.report.get("data", "")))
    if like is None and not path.is_file() and not path.is_dir():
        return None
    path = path.expanduser()
    return load_parted(path, labeled=False, kinds=model.columns if is_records(path) else None)


def _examples(model: "Model", like: Path | None) -> "ExampleSet | None":
    """Examples to run the file on; None where there are none."""
    from manyshot.classify.examples.read_examples import load_unlabeled

    if like is not None:
        return load_unlabeled([like.expanduser()], kind=model.kind, window=model.window)
    data = model.report.get("data")
    if not isinstance(data, str) or not Path(data).exists():
        note(f"the file is checked on {model.kind} that are drawn at random; name your own by --like")
        return None
    try:
        return load_unlabeled([data], kind=model.kind, window=model.window)
    except InputError as error:
        note(f"{error}; the file is checked on {model.kind} that are drawn at random")
        return None


def _print(report: "ExportReport", kind: str) -> None:
    say(f"{report.path}: {report.size / 1e6:,.1f} MB, takes {report.takes}")
    drawn = " drawn at random" if report.drawn else ""
    say(
        f"Checked on {report.checked} {kind}{drawn}: its probabilities differ from the model's by at most "
        f"{report.difference:.1g}"
    )
    if report.about_views:
        say(report.about_views)
