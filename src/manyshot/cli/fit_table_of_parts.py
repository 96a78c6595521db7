"""`manyshot fit` on examples of several parts, and what it prints."""

from typing import TYPE_CHECKING

from manyshot.cli.output import command_line, print_json, print_table
from manyshot.cli.print_fit import fit_json, print_fit
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
    from manyshot.cli.fit import FitArguments

    refuse(
        "on examples of several parts, where no candidates are compared",
        metric=None if options.metric == FitArguments.metric else options.metric,
        balance=options.balance or None,
        no_mirror=None if options.mirror else True,
        budget=None if options.budget == FitArguments.budget else options.budget,
    )
    refuse("on examples of several parts", window=options.window)
    data = options.data.expanduser()
    found = load_parted(data, columns=table.columns(), split=options.split, group_by=options.group_by)
    settings = options.settings(found.class_names)
    with resumable("run the same command again: examples that were encoded are in the cache"):
        model, report = fit_parts(found, **settings)
    out = options.out.expanduser()
    save_model(model.with_report({**model.report, "data": str(options.data)}), out, options.overwrite)
    if options.report is not None:
        from manyshot.report.page import write_page  # it imports matplotlib
        from manyshot.report.parts_page import parts_fit_page

        write_page(options.report, parts_fit_page(report, found, command_line()))
    if as_json:
        print_json(fit_json(report, options.out, options.report))
        return
    _print_parts(report)
    print_fit(report.fit, options.out)


def _print_parts(report: "PartsReport") -> None:
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
