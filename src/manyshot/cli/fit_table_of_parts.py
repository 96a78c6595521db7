"""`manyshot fit` on examples of several parts, and what it prints."""

from typing import TYPE_CHECKING

from manyshot.base import note
from manyshot.cli.output import print_json, print_table, say
from manyshot.cli.resumable import resumable
from manyshot.cli.shared_options import TableArguments, refuse

if TYPE_CHECKING:
    from manyshot.classify import PartsReport
    from manyshot.cli.fit import FitArguments


def fit_table_of_parts(options: "FitArguments", table: TableArguments, as_json: bool) -> None:
    """Fit a classifier to examples of several parts.

    Args:
        options: Options of the command.
        table: How a table is read.
        as_json: Print JSON.

    Raises:
        InputError: If an option has no effect on them, or they cannot be read.
    """
    from manyshot.classify import fit_parts, load_parted, save_model
    from manyshot.classify.printable_names import check_class_names

    why = "on examples of several parts"
    refuse(
        why,
        head=None if options.head == "auto" else options.head,
        plan=None if options.plan in ("auto", "none") else options.plan,
        report=options.report,
        about=options.about,
        window=options.window,
    )
    data = options.data.expanduser()
    found = load_parted(data, columns=table.columns(), split=options.split, group_by=options.group_by)
    check_class_names(found.class_names, str(data))
    with resumable("run the same command again: examples that were encoded are in the cache"):
        model, report = fit_parts(found, encoder=options.encoder, seed=options.seed, progress=note)
    out = options.out.expanduser()
    save_model(model.with_report({**model.report, "data": str(options.data)}), out, options.overwrite)
    if as_json:
        print_json(report.as_dict() | {"model": str(options.out)})
        return
    _print(report, str(options.out))


def _print(report: "PartsReport", out: str) -> None:
    rows = []
    for name, missing in report.missing.items():
        alone = None if report.alone is None else report.alone.get(name)
        rows.append(
            (
                name,
                report.encoders.get(name, "as they are"),
                f"{missing:,}",
                f"{report.weights[name]:.2f}",
                "-" if alone is None else f"{alone:.1%}",
            )
        )
    print_table(("part", "encoder", "missing", "weight", "accuracy alone"), rows, right=(2, 3, 4))
    low, high = report.interval
    examples = f"{report.examples:,} examples of {len(report.classes):,} classes"
    if report.accuracy is None:
        say(f"{examples}; with one example of a class nothing can be held out: expect {low:.0%} to {high:.0%}")
    else:
        say(f"{examples}; expected accuracy on new ones {report.accuracy:.1%} [{low:.0%}, {high:.0%}]")
    say(f"Model: {out}; next: manyshot predict {out} NEW --out answers.csv")
